"""A model and data in files, as seatrial.toml names them: what is read, and what is a mistake, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError, Problems
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.steps.builtin import built_in_steps
from seatrial.pipeline.steps.declaration import Against, LocalModel, RowsAt
from seatrial.pipeline.steps.load_pipeline import load_pipeline, project_steps

TEXT = """
[project]
name = "ships"

[model]
from = "model.onnx"

[data]
test = "test.parquet"
label = "late"
task = "binary"
groups = ["sex", "age:18,25", "sex*race"]

[policy]
[[policy.require]]
metric = "accuracy"
at_least = 0.8
"""


def read(text: str, folder: Path = Path("/project")) -> Project:
    return parse_project(text, folder)


def changed(*pairs: tuple[str, str]) -> str:
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def mistakes(text: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        read(text)
    return [str(one) for one in caught.value.errors]


def test_a_project_of_files_needs_neither_pipeline_nor_validation() -> None:
    project = read(TEXT)
    assert project.data is not None
    assert (project.model, project.data.validation) == ("model.onnx", None)
    assert project_steps(project) == {}
    assert list(load_pipeline(project, sets=(), rehearse=False).graph) == ["package", "assess", "release"]


def test_the_steps_read_the_files_that_are_named() -> None:
    steps = {step.name: step for step in built_in_steps(read(TEXT), {}, rehearse=False)}
    assert steps["package"].inputs == {"file": LocalModel("model.onnx"), "rows": RowsAt("test.parquet")}
    assert steps["assess"].inputs == {"model": "package", "test": RowsAt("test.parquet")}
    assert steps["release"].inputs == {"model": "package", "trial": "assess"}


def test_with_validation_neither_package_nor_rehearsal_reads_the_test_data() -> None:
    project = read(changed(('label = "late"', 'label = "late"\nvalidation = "other/"')))
    steps = {step.name: step for step in built_in_steps(project, {}, rehearse=True)}
    sources = [source for step in steps.values() for source in step.inputs.values()]
    assert RowsAt("other/") in sources
    assert RowsAt("test.parquet") not in sources


def test_a_rehearsal_without_validation_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="a rehearsal needs validation rows") as caught:
        built_in_steps(read(TEXT), {}, rehearse=True)
    assert caught.value.hint is not None
    assert "validation =" in caught.value.hint


def test_policies_name_groups_by_their_columns() -> None:
    more = '\n[[policy.require]]\nmetric = "accuracy"\nby = "age"\nat_least = 0.7\n[policy.bins]\nage = [18, 25]\n'
    assert read(TEXT + more).policy.require[-1].by == "age"
    assert any('Did you mean "age"?' in one for one in mistakes(TEXT + more.replace('"age"', '"aeg"')))


def test_bins_that_a_requirement_rests_on_stand_in_the_policy() -> None:
    more = '\n[[policy.require]]\nmetric = "accuracy"\nby = "age"\nat_least = 0.7\n'
    assert any("the policy does not state their bins (18, 25)" in one for one in mistakes(TEXT + more))
    assert any("states the bins 30" in one for one in mistakes(TEXT + more + "[policy.bins]\nage = [30]\n"))


def test_each_release_that_the_policy_compares_with_is_an_input_of_the_trial() -> None:
    more = "".join(
        f'\n[[policy.require]]\nmetric = "{metric}"\nno_worse_than = "{named}"\n'
        for metric, named in (("accuracy", "newest_passed"), ("roc_auc", "ships@3"), ("roc_auc", "baseline"))
    )
    steps = {step.name: step for step in built_in_steps(read(TEXT + more), {}, rehearse=False)}
    inputs = steps["assess"].inputs
    assert inputs["against newest_passed"] == Against("newest_passed")
    assert inputs["against ships@3"] == Against("ships@3")
    assert next(iter(inputs)) == "model"  # the others are held against it
    assert not any("baseline" in name for name in inputs)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('groups = ["sex", "age:18,25", "sex*race"]', 'groups = ["age:25,18"]', "data.groups: "),
        ('task = "binary"', 'task = "binary"\nclip = 3', "data.clip: belongs to regressions"),
        ('task = "binary"', 'task = "binary"\nquantile = 0.9', "data.quantile: belongs to regressions"),
        ('task = "binary"', 'task = "regression"\nclip = -1', "data.clip: -1 is not positive"),
        ('task = "binary"', 'task = "regression"\nquantile = 1.5', "data.quantile: 1.5 is not between 0 and 1"),
        (
            'task = "binary"',
            'task = "multiclass"\npositive = "a"',
            "data.positive: a positive class belongs to a binary model",
        ),
        ('task = "binary"', 'task = "regression"', "accuracy: a regression model has none"),
        (
            'from = "model.onnx"',
            'from = "model.onnx"\nthreshold = 2',
            "model.threshold: must be between 0 and 1, got 2",
        ),
        ('from = "model.onnx"', 'from = "model"\ninputs = ["a"]', "model.inputs: belongs to a model file"),
        ('from = "model.onnx"', 'from = "model.onnx"\nthreshhold = 0.2', 'Did you mean "threshold"?'),
        ("at_least = 0.8", 'no_worse_than = "newest_pased"', 'Did you mean "newest_passed"?'),
        ("at_least = 0.8", 'no_worse_than = "ships"', 'Write "newest_passed", "baseline", or a release: "name@2"'),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(old: str, new: str, expected: str) -> None:
    text = changed((old, new))
    told = mistakes(text)
    assert any(expected in one for one in told), told
    assert all(one.startswith("seatrial.toml:") for one in told)


def test_all_of_them_are_told_at_once() -> None:
    told = mistakes(
        changed(
            ('task = "binary"', 'task = "binary"\nclip = 3\nquantile = 3'),
            ('"model.onnx"', '"model.onnx"\nthreshold = 3'),
            ("at_least = 0.8", 'no_worse_than = "ships"'),
        )
    )
    places = ["data.clip", "data.quantile", "data.quantile", "model.threshold", "policy.require.0.no_worse_than"]
    assert [one.split(": ")[1] for one in told] == places


@pytest.mark.parametrize("old", ['"model.onnx"', '"test.parquet"'])
def test_a_name_that_is_neither_file_nor_step_is_refused_and_told_how_files_are_written(
    tmp_path: Path, old: str
) -> None:
    (tmp_path / "pipeline.py").write_text("")
    project = read(changed((old, '"rows"')), tmp_path)
    with pytest.raises(InputError, match="no step makes 'rows'") as caught:
        built_in_steps(project, {}, rehearse=False)
    assert caught.value.hint is not None
    assert '"./rows"' in caught.value.hint


@pytest.mark.parametrize("role", ["validation", "calibration"])
def test_test_data_has_no_second_role(role: str) -> None:
    project = read(changed(('label = "late"', f'label = "late"\n{role} = "test.parquet"')))
    with pytest.raises(InputError, match=f"data.{role} too"):
        built_in_steps(project, {}, rehearse=False)
