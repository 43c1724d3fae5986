"""What a project may set of the trial is checked as the parameters of its own steps are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.steps.load_pipeline import Pipeline, load_pipeline

FILE = """
[project]
name = "small"
pipeline = "trial_parameters_pipeline"

[data]
test = "rows.test"
validation = "rows.validation"
label = "late"
task = "binary"

[model]
from = "model"
"""
MODULE = """
from seatrial import step

@step(outputs=("validation", "test"))
def rows(): ...

@step()
def model(*, epochs: int = 3): ...
"""


def opened(folder: Path, more: str, *sets: str) -> Pipeline:
    (folder / "seatrial.toml").write_text(FILE + more)
    (folder / "trial_parameters_pipeline.py").write_text(MODULE)
    try:
        return load_pipeline(load_project(folder), sets=sets, rehearse=False)
    finally:
        sys.modules.pop("trial_parameters_pipeline", None)
        sys.path.remove(str(folder))


def test_the_seed_of_the_trial_can_be_set_in_the_file_and_over_it(tmp_path: Path) -> None:
    pipeline = opened(tmp_path, "[params.assess]\nseed = 8\n")
    assert pipeline.parameters["assess"] == {"seed": 8}
    assert opened(tmp_path, "[params.assess]\nseed = 8\n", "assess.seed=9").parameters["assess"] == {"seed": 9}


def test_the_time_of_the_trial_can_be_set_and_is_part_of_what_was_asked(tmp_path: Path) -> None:
    pipeline = opened(tmp_path, "", "assess.budget_s=20")
    assert pipeline.parameters["assess"] == {"budget_s": 20.0}
    assert pipeline.graph["assess"].parameters["budget_s"] == 600.0


@pytest.mark.parametrize("text", ["0", "-5"])
def test_no_time_at_all_is_a_mistake(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"assess.budget_s must be positive"):
        opened(tmp_path, "", f"assess.budget_s={text}")


def test_without_it_the_default_holds(tmp_path: Path) -> None:
    pipeline = opened(tmp_path, "")
    assert pipeline.graph["assess"].parameters["seed"] == 7
    assert "assess" not in pipeline.parameters


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sede = 8", 'Did you mean "seed"?'),
        ('seed = "8"', "is str, not int"),
        ("policy = 1", "step 'assess' does not have this parameter"),
    ],
)
def test_nothing_else_can_be_set(tmp_path: Path, line: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        opened(tmp_path, f"[params.assess]\n{line}\n")
    assert expected in str(caught.value)
