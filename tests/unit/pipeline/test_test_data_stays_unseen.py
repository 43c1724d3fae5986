"""The test table is measured and nothing else: no other role, and no step that the model comes from reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.steps.builtin import built_in_steps
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.steps.graph import order_steps

TEXT = """
[project]
name = "ships"
[data]
test = "rows.test"
validation = "rows.validation"
calibration = "rows.calibration"
label = "late"
task = "binary"
[model]
from = "model"
[[policy.require]]
metric = "accuracy"
at_least = 0.8
"""
ROWS = Step("rows", "python", print, {}, ("train", "validation", "calibration", "test"), (), {})
MODEL = Step("model", "python", print, {"train": "rows.train"}, (), (), {})


def project(text: str = TEXT) -> Project:
    return parse_project(text, Path("/project"))


def steps(*given: Step, settings: Project) -> list[str]:
    return [step.name for step in built_in_steps(settings, order_steps(given), rehearse=False)]


def test_a_test_table_that_only_the_trial_reads_is_accepted() -> None:
    chart = Step(
        "chart", "python", print, {"rows": "rows.test"}, (), (), {}
    )  # reads it, and the model is not its doing
    assert steps(ROWS, MODEL, chart, settings=project()) == ["assess", "release"]


@pytest.mark.parametrize("role", ["validation", "calibration"])
def test_the_test_table_has_no_second_role(role: str) -> None:
    settings = project(TEXT.replace(f"rows.{role}", "rows.test"))
    with pytest.raises(InputError, match=f"data.{role} too"):
        steps(ROWS, MODEL, settings=settings)


def test_the_training_step_does_not_read_it() -> None:
    peeking = Step("model", "python", print, {"train": "rows.train", "more": "rows.test"}, (), (), {})
    with pytest.raises(InputError, match=r"step 'model' reads 'rows\.test'"):
        steps(ROWS, peeking, settings=project())


def test_no_step_before_the_training_step_reads_it() -> None:
    bins = Step("bins", "python", print, {"rows": "rows.test"}, (), (), {})
    model = Step("model", "python", print, {"train": "rows.train", "bins": "bins"}, (), (), {})
    with pytest.raises(InputError, match=r"step 'bins' reads 'rows\.test'"):
        steps(ROWS, bins, model, settings=project())
