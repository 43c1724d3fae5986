"""An error reads as sentences: place, problem, hint."""

from __future__ import annotations

import pickle

import pytest

from seatrial.cli.output import report_error
from seatrial.errors import InputError, Problems, StepFailed, field, spelled
from seatrial.trial.spelling import command_line, project_key, python_argument


@pytest.mark.parametrize("problem", ["it broke", "it broke."])
def test_the_mend_is_a_sentence_of_its_own(problem: str) -> None:
    assert str(StepFailed(problem, path="a.py", line=3, hint="See the log.")) == "a.py:3: it broke. See the log."


def test_without_a_mend_the_problem_stands_as_it_is() -> None:
    assert str(StepFailed("it broke")) == "it broke"


def test_control_characters_in_a_name_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report_error(StepFailed("column \x1b[2J\x07 is not there,\nsays 12\u202f000 rows", path="é.csv"), as_json=False)
    assert capsys.readouterr().err == "é.csv: column \\x1b[2J\\x07 is not there,\n  says 12\u202f000 rows\n"


def test_what_the_policy_states_is_spelled_under_policy() -> None:
    assert project_key("clip", "10") == "clip = 10 under [policy]"
    assert project_key("quantile", None) == "[policy] quantile"


def test_a_field_is_written_as_the_surface_writes_it() -> None:
    for surface, written in (
        (command_line, "--classes: 2 classes expected, got 3. Write --classes a,b, or leave it out."),
        (python_argument, 'classes=: 2 classes expected, got 3. Write classes=["a", "b"], or leave it out.'),
        (
            project_key,
            '[model] classes: 2 classes expected, got 3. Write classes = ["a", "b"] under [model], or leave it out.',
        ),
    ):
        with pytest.raises(InputError) as caught, spelled(surface):
            raise InputError(
                "2 classes expected, got 3.",
                path=field("classes"),
                hint=f"Write {field('classes', 'a,b')}, or leave it out.",
            )
        assert str(caught.value) == written


def test_the_first_surface_spells_and_each_of_several_problems_is_spelled() -> None:
    with pytest.raises(Problems) as caught, spelled(command_line), spelled(project_key):
        raise Problems([InputError(f"{field('label')} is missing."), InputError("another")])
    assert [one.problem for one in caught.value.each] == ["[data] label is missing.", "another"]


def test_a_field_is_told_and_survives_pickling_until_it_is_spelled() -> None:
    error = pickle.loads(pickle.dumps(InputError(f"{field('threshold')} must be at most 1.", path=field("label"))))
    assert error.fields == ("threshold", "label")
    assert str(error) == "label: threshold must be at most 1."
    error.spell(command_line)
    assert error.fields == ()
    assert error.args == ("--threshold must be at most 1.",)
