"""An error reads as sentences: place, problem, hint."""

from __future__ import annotations

import pytest

from seatrial.cli.output import report_error
from seatrial.errors import StepFailed


@pytest.mark.parametrize("problem", ["it broke", "it broke."])
def test_the_mend_is_a_sentence_of_its_own(problem: str) -> None:
    assert str(StepFailed(problem, path="a.py", line=3, hint="See the log.")) == "a.py:3: it broke. See the log."


def test_without_a_mend_the_problem_stands_as_it_is() -> None:
    assert str(StepFailed("it broke")) == "it broke"


def test_control_characters_in_a_name_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report_error(StepFailed("column \x1b[2J\x07 is not there,\nsays 12\u202f000 rows", path="é.csv"), as_json=False)
    assert capsys.readouterr().err == "é.csv: column \\x1b[2J\\x07 is not there,\nsays 12\u202f000 rows\n"
