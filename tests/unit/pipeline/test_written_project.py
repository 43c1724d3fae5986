"""What `init --from` writes can be read, with its suggestions off and on, whatever the data calls things."""

from __future__ import annotations

import itertools
import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.models.signature import Column, Signature, Task
from seatrial.pipeline.new_project.project_template import ProjectTemplate, project_file
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.project.settings import Project
from seatrial.trial.question import Question
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag
from seatrial.verdicts.metrics import METRICS, UNDER_ATTACK
from seatrial.verdicts.trial import TestUse, Trial

SIGNATURES: dict[Task, Signature] = {
    "binary": Signature((Column("wind", "number"),), "binary", ("no", "yes"), "yes", 0.5),
    "multiclass": Signature((Column("wind", "number"),), "multiclass", ("a", "b", "c")),
    "regression": Signature((Column("wind", "number"),), "regression"),
}


def beginning(task: Task = "binary", **more: object) -> ProjectTemplate:
    question = Question(label="late", groups=("sex", "age:18,65"), clip=30.0 if task == "regression" else None)
    fields: dict[str, object] = {
        "name": "ships",
        "model": "model.onnx",
        "test": "../test.parquet",
        "validation": None,
        "train": None,
        "question": question,
        "signature": SIGNATURES[task],
        "origin": "/data/model.onnx",
        **more,
    }
    return ProjectTemplate(**fields)  # type: ignore[arg-type]  # by name


def evidence(claim: Claim, slice_: str, estimate: float, low: float, high: float, *flags: Flag) -> Evidence:
    conditions = {"reference": "majority class no, 0.76"} if claim.against else {}
    return Evidence(claim, slice_, estimate, low, high, 0.975, 1000, "stated", conditions, flags)


def trial(task: Task, *, use: int | None = 1, high: float = 0.9) -> Trial:
    """Every metric of the task overall, by sex and between its groups."""
    found = []
    for metric in METRICS.values():
        if not metric.fits(task) or metric.name in UNDER_ATTACK:  # of which no init knows the attacker
            continue
        found.append(evidence(Claim(metric.name), "all", 0.8, 0.737, high))
        by = Claim(metric.name, Family.GROUPS, "sex")
        found += [evidence(by, f"sex={value}", 0.8, 0.737, high) for value in ("F", "M")]
        found.append(evidence(Claim(metric.name, Family.PAIRS, "sex"), "sex: F − M", -0.2, -0.3, -0.1))
    found.append(evidence(Claim("accuracy", against="baseline"), "all", 0.04, 0.01, 0.07))
    return Trial(
        model="0" * 64,
        policy="1" * 64,
        data="test" if use else "validation",
        confidence=0.975,
        seed=7,
        evidence=tuple(found),
        not_measured=(),
        test_use=TestUse("2" * 64, 1000, use) if use else None,
    )


def switched_on(text: str) -> str:
    """With every suggestion on: what starts with "#" and no blank."""
    lines = (line[1:] if line.startswith("#") and line[1:2] not in ("", " ") else line for line in text.split("\n"))
    return "\n".join(line for line in lines if "threshold" not in line and "FILE" not in line)


def read(text: str) -> Project:
    return parse_project(text, Path("/project"))


@pytest.mark.parametrize("task", SIGNATURES)
@pytest.mark.parametrize("use", [1, None])
def test_the_file_asks_for_better_than_the_baseline_and_for_nothing_else(task: Task, use: int | None) -> None:
    project = read(project_file(beginning(task), ("sex", "age"), trial(task, use=use)))
    (only,) = project.policy.require
    assert only.no_worse_than == "baseline"
    assert project.data is not None
    assert (project.data.task, project.data.label, project.data.groups) == (task, "late", ("sex", "age:18,65"))


@pytest.mark.parametrize("task", SIGNATURES)
def test_every_suggestion_can_be_switched_on(task: Task) -> None:
    text = project_file(beginning(task), ("sex", "age"), trial(task))
    required = read(switched_on(text)).policy.require
    assert len(required) > len(read(text).policy.require) + 3
    assert any(one.no_worse_than == "newest_passed" for one in required)
    assert any(one.gap_between == "sex" for one in required)
    assert any(one.by == "sex" for one in required)


def test_the_measured_policy_is_the_one_before_it_was_measured() -> None:
    before, after = (project_file(beginning(), ("sex", "age"), one) for one in (None, trial("binary")))
    assert read(before).policy == read(after).policy
    assert read(before).data == read(after).data


def test_it_says_which_use_it_was_and_what_the_next_one_is_judged_at() -> None:
    text = project_file(beginning(), ("sex",), trial("binary"))
    assert "in use 1 of this test data (1,000 rows; bounds at 97.5 %)" in text
    assert "another policy is use 2, judged at 99.17 %" in text
    assert "# accuracy: 0.8 (0.737 to 0.9)" in text
    assert "# accuracy minus that of the majority class no, 0.76: 0.04 (0.01 to 0.07)" in text


def test_on_validation_it_says_that_nothing_was_counted() -> None:
    text = project_file(beginning(validation="../other.csv"), ("sex",), trial("binary", use=None))
    assert "that counts nothing" in text
    assert "in use" not in text


def test_suggestions_are_round_numbers_that_what_was_measured_holds() -> None:
    required = read(switched_on(project_file(beginning(), ("sex",), trial("binary")))).policy.require
    (accuracy,) = [one for one in required if one.metric == "accuracy" and one.at_least is not None and one.by is None]
    assert accuracy.at_least == 0.7
    (loss,) = [one for one in required if one.metric == "log_loss"]
    assert loss.at_most == 0.9


def test_a_metric_without_a_bound_is_not_suggested_and_the_way_to_one_is_said() -> None:
    text = project_file(beginning("regression"), (), trial("regression", high=math.inf))
    assert "give a clip, and require the clipped metric" in text
    assert all(one.metric != "rmse" for one in read(switched_on(text)).policy.require)


NAMES = st.text(min_size=1, max_size=12)


@pytest.mark.simulation
@given(label=NAMES, group=NAMES.filter(lambda name: not set(name) & set(":*,") and name.strip() == name), value=NAMES)
def test_names_of_the_data_never_break_the_file(label: str, group: str, value: str) -> None:
    claim = Claim("accuracy", Family.GROUPS, group)
    found = Trial("0" * 64, "1" * 64, "test", 0.975, 7, (evidence(claim, f"{group}={value}", 0.8, 0.7, 0.9),), (), None)
    signature = Signature((Column(value, "text"),), "binary", ("no", value), value, 0.5)
    begun = beginning(question=Question(label=label, groups=(group,)), signature=signature, origin=value)
    for text in (project_file(begun, (group,), found), switched_on(project_file(begun, (group,), found))):
        project = read(text)
        assert project.data is not None
        assert (project.data.label, project.data.groups, project.data.positive) == (label, (group,), value)


OPTIONS: dict[str, object] = {
    "positive": "yes",
    "classes": ("no", "yes"),
    "inputs": ("wind",),
    "threshold": 0.25,
    "weight": "people",
    "clip": 10.0,
    "quantile": 0.9,
}


@pytest.mark.parametrize("count", range(len(OPTIONS) + 1))
@pytest.mark.parametrize("tables", [{}, {"validation": "../v.csv", "train": "../t.csv"}])
def test_whatever_options_were_given_each_key_is_written_once(count: int, tables: dict[str, str]) -> None:
    for names in itertools.combinations(OPTIONS, count):
        question = Question(label="late", **{name: OPTIONS[name] for name in names})  # type: ignore[arg-type]  # by name
        task: Task = "regression" if {"clip", "quantile"} & set(names) else "binary"
        tomllib.loads(project_file(beginning(task, question=question, **tables), (), None))
