"""A few models have one verdict, in `assess` and in a project's run; all of them are in tests/slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.trial.question import Question
from tests.planted_files import PLANTED
from tests.two_ways import Case, assert_the_same, both_ways


@pytest.mark.simulation
@pytest.mark.parametrize("name", ["each row answered by itself", "a rare job that turns answers", "a wrong vocabulary"])
def test_a_planted_model_is_judged_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    one = PLANTED[name]()
    model = tmp_path / "planted.onnx"
    model.write_bytes(one.model)
    case = Case(model, one.table, Question(label="y", groups=one.groups), one.policy, one.train)
    assert_the_same(*both_ways(case, tmp_path, monkeypatch))
