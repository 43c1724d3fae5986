"""Every model of the zoo, and every planted one that is a file, has one verdict: in `assess` and in a project's run."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.trial.question import Question
from seatrial.trial.self_test import company, masked, people, triggers
from tests.planted_files import NOT_FILES, PLANTED, Planted
from tests.two_ways import Case, assert_the_same, both_ways
from tests.zoo import ZOO, Entry, Task, data

CLASSIFIERS = """[policy]
[[policy.require]]
metric = "accuracy"
at_least = 0.8
[[policy.require]]
metric = "accuracy"
by = "sex"
at_least = 0.5
[[policy.require]]
metric = "accuracy"
no_worse_than = "one-column rule"
[[policy.require]]
metric = "unknown_values"
at_most = 0.01
"""
POLICIES: dict[Task, str] = {
    "binary": f'{CLASSIFIERS}[[policy.require]]\nmetric = "true_positive_rate"\ngap_between = "sex"\nat_most = 0.2\n',
    "multiclass": CLASSIFIERS,
    "regression": """[policy]
clip = 20.0
[[policy.require]]
metric = "clipped_mae"
at_most = 10.0
[[policy.require]]
metric = "clipped_mean_error"
gap_between = "sex"
at_most = 5.0
[[policy.require]]
metric = "mae"
no_worse_than = "one-column rule"
""",
}


@pytest.mark.parametrize("place", range(len(ZOO)), ids=lambda place: ZOO[place].name)
def test_a_model_of_the_zoo_is_judged_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    entry: Entry = ZOO[place]
    made = entry.make(tmp_path)
    train = data(entry.task)[0].rows if place % 2 else None  # with training rows and without
    question = Question(label=made.label, groups=("sex",), inputs=made.options.inputs)
    case = Case(made.model, made.table, question, POLICIES[entry.task], train)
    assert_the_same(*both_ways(case, tmp_path, monkeypatch))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_model_is_judged_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    one: Planted = PLANTED[name]()
    model = tmp_path / "planted.onnx"
    model.write_bytes(one.model)
    case = Case(model, one.table, Question(label="y", groups=one.groups), one.policy, one.train)
    tried, ran = both_ways(case, tmp_path, monkeypatch)
    assert_the_same(tried, ran)
    assert tried.verdict.outcome is not None


def test_every_planted_model_is_a_file_here_or_has_a_reason_why_not() -> None:
    names = {case.name for room in (people, masked, company, triggers) for case in room.cases()}
    assert names == set(PLANTED) | set(NOT_FILES)
