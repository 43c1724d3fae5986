"""A project without Spark, from its command line: run, cached run, plan, rehearsal, failure, Ctrl-C, two at once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.small_project import LIMIT_S, SmallProject

pytestmark = pytest.mark.real
ALL_RAN = dict.fromkeys(("rows", "model", "assess", "release"), "ran")
ALL_CACHED = dict.fromkeys(ALL_RAN, "cached")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """The project after one run; tests that share it change nothing."""
    project = SmallProject(tmp_path_factory.mktemp("done"))
    document = project.json("run")
    assert project.states(document) == ALL_RAN
    assert (document["release"], document["verdict"], document["deployable"]) == ("small@1", "pass", True)
    return project


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path)


def test_the_second_run_finds_everything_in_the_cache_and_the_same_release(done: SmallProject) -> None:
    document = done.json("run")
    assert done.states(document) == ALL_CACHED
    assert document["release"] == "small@1"
    assert len(done.uses()) == 1


def test_plan_says_which_parameter_changed_from_what_to_what(done: SmallProject) -> None:
    steps = {step["name"]: step for step in done.json("plan", "--set", "model.bias=0.5")["steps"]}
    assert steps["rows"]["state"] == "cached"
    assert steps["model"]["reason"] == "parameter model.bias 0.0 → 0.5"
    assert steps["assess"]["key"] is None
    assert steps["assess"]["reason"] == "input model is made anew"


def test_a_comment_changes_nothing_and_code_only_what_reaches_it(done: SmallProject, tmp_path: Path) -> None:
    project = SmallProject(tmp_path)
    project.folder.joinpath(".seatrial").symlink_to(done.folder / ".seatrial")
    project.edit("pipeline.py", "    data = train.to_arrow()", "    # why not\n    data = train.to_arrow()")
    assert set(project.states(project.json("plan")).values()) == {"cached"}
    project.edit("pipeline.py", '== "yes", 2.0, -2.0', '== "yes", 3.0, -3.0')
    steps = {step["name"]: step for step in project.json("plan")["steps"]}
    assert steps["rows"]["state"] == "cached"
    assert steps["model"]["reason"] == "code changed"


def test_a_run_in_words_ends_with_the_verdict_the_release_and_the_next_command(done: SmallProject) -> None:
    said = done.call("run").stdout
    assert "accuracy" in said
    assert "Release small@1: can be deployed." in said
    assert said.rstrip().splitlines()[-1] == "Next: seatrial report small@1"


def test_a_release_records_what_its_model_was_trained_on(done: SmallProject, tmp_path: Path) -> None:
    assert done.call("export", "small@1", str(tmp_path / "out")).returncode == 0
    (provenance,) = (tmp_path / "out").rglob("provenance.json")
    least, most = json.loads(provenance.read_text())["ranges"]["wind"]
    assert 0 < least < 1
    assert 20 < most < 40


def test_a_rehearsal_counts_nothing_and_releases_nothing(project: SmallProject) -> None:
    document = project.json("run", "--rehearse")
    assert (document["release"], document["deployable"], document["verdict"]) == (None, False, "pass")
    assert project.uses() == []
    assert not (project.store / "releases").exists()


def test_a_model_that_does_not_pass_exits_with_3_and_is_released_all_the_same(project: SmallProject) -> None:
    document = project.json("run", "--set", "model.bias=40.0", status=3)
    assert (document["release"], document["verdict"], document["deployable"]) == ("small@1", "fail", False)
    assert project.json("verify", "small@1", status=3)["ok"]


def test_the_same_model_again_is_the_same_use_and_another_model_is_the_next(project: SmallProject) -> None:
    project.json("run", "--set", "model.bias=40.0", status=3)
    project.json("run", "--no-cache", "--set", "model.bias=40.0", status=3)
    assert [path.name for path in project.uses()] == ["1.json"]
    project.json("run")
    assert [path.name for path in project.uses()] == ["1.json", "2.json"]


def test_a_step_that_raises_is_told_with_its_line_and_what_came_before_is_kept(project: SmallProject) -> None:
    project.edit("pipeline.py", "    data = train.to_arrow()", "    data = train.to_arrow()\n    1 / 0")
    done = project.call("run")
    assert done.returncode == 1
    line = next(
        n for n, text in enumerate((project.folder / "pipeline.py").read_text().splitlines(), 1) if "1 / 0" in text
    )
    assert f"pipeline.py:{line}: step 'model' raised ZeroDivisionError: division by zero" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    project.edit("pipeline.py", "\n    1 / 0", "")
    assert project.states(project.json("run")) == {**ALL_RAN, "rows": "cached"}


def test_two_runs_at_once_both_finish_and_agree(project: SmallProject) -> None:
    both = [project.start("run", "--json") for _ in range(2)]
    ended = [(process.communicate(timeout=LIMIT_S), process.returncode) for process in both]
    assert [status for _, status in ended] == [0, 0], ended
    assert len(project.uses()) == 1
    assert project.states(project.json("run")) == ALL_CACHED


def record_of(project: SmallProject, step: str) -> Path:
    """The cache record of a step, as the plan finds it."""
    (key,) = [one["key"] for one in project.json("plan")["steps"] if one["name"] == step]
    return project.store / "cache" / f"{key}.json"


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + b"?"], ids=["shorter", "one byte"])
def test_a_cached_output_that_is_damaged_is_made_again_and_the_plan_says_so(
    project: SmallProject, damage: Callable[[bytes], bytes]
) -> None:
    project.json("run")
    record = json.loads(record_of(project, "model").read_text())
    graph = project.store / "artifacts" / record["outputs"]["model"]["digest"] / "model.onnx"
    graph.write_bytes(damage(graph.read_bytes()))
    steps = {step["name"]: step for step in project.json("plan")["steps"]}
    assert "cached output does not serve" in steps["model"]["reason"]
    document = project.json("run")
    assert project.states(document)["model"] == "ran"
    assert (document["release"], document["verdict"]) == ("small@1", "pass")


def test_a_table_whose_snapshot_is_gone_is_made_again(project: SmallProject) -> None:
    project.json("run")
    (database,) = project.folder.glob(".seatrial/catalog*.db")
    with sqlite3.connect(database) as catalog:
        catalog.execute("delete from iceberg_tables where table_name = 'rows_test'")
    steps = {step["name"]: step for step in project.json("plan")["steps"]}
    assert "the table does not exist" in steps["rows"]["reason"]
    document = project.json("run")
    assert (project.states(document)["rows"], document["verdict"]) == ("ran", "pass")
    assert len(project.uses()) == 1


def test_a_planted_cache_record_is_refused_by_name_and_replaced(project: SmallProject) -> None:
    project.json("run", "--set", "model.bias=40.0", status=3)
    spoiled = record_of(project, "model")  # of bias 0: not there yet
    (planted,) = [
        path
        for path in project.store.glob("cache/*.json")
        if json.loads(path.read_text())["parts"]["parameters"] == {"bias": 40.0}
    ]
    spoiled.write_bytes(planted.read_bytes())
    steps = {step["name"]: step for step in project.json("plan")["steps"]}
    assert "does not fit its key" in steps["model"]["reason"]
    forged = json.loads(planted.read_text())  # now with the right key and parts, and the other model
    forged["key"] = spoiled.stem
    forged["parts"]["parameters"]["bias"] = 0.0
    spoiled.write_text(json.dumps(forged))
    steps = {step["name"]: step for step in project.json("plan")["steps"]}
    assert "made under the key" in steps["model"]["reason"]
    assert project.json("run")["verdict"] == "pass"


@pytest.mark.parametrize(
    ("step", "digests", "expected"),
    [
        ("rows", "kept", "does not fit its key"),
        ("rows", "forged", "this snapshot is of another step or other inputs"),
        ("assess", "kept", "the trial is of another model, policy or data"),
        ("release", "kept", "the release is of another model or trial"),
    ],
)
def test_a_record_that_names_what_another_key_made_is_refused(
    project: SmallProject, step: str, digests: str, expected: str
) -> None:
    project.json("run")
    right = record_of(project, step)
    before = set(project.store.glob("cache/*.json"))
    other = project.json("run", "--set", "rows.seed=8", "--set", "model.bias=40.0", status=3)
    (made,) = [path for path in set(project.store.glob("cache/*.json")) - before if step_of(path) == step]
    assert other["release"] == "small@2"
    forged = json.loads(right.read_text())
    forged["outputs"] = json.loads(made.read_text())["outputs"]
    for reference, output in forged["outputs"].items():
        if digests == "forged":
            output["digest"] = hashlib.sha256(f"{right.stem}/{reference}".encode()).hexdigest()
    right.write_text(json.dumps(forged))
    steps = {one["name"]: one for one in project.json("plan")["steps"]}
    assert expected in steps[step]["reason"]
    document = project.json("run")
    assert (document["verdict"], document["deployable"]) == ("pass", True)


def step_of(record: Path) -> str:
    return str(json.loads(record.read_text())["parts"]["step"])


@pytest.mark.parametrize("after", ["rows", "model", "assess"])
def test_ctrl_c_in_a_phase_ends_with_130_and_the_next_run_continues(project: SmallProject, after: str) -> None:
    process = project.start("run")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"{after}: runs"):
            break
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    document = project.json("run")
    assert document["verdict"] == "pass"
    assert project.states(document)["rows"] == ("ran" if after == "rows" else "cached")
    assert len(project.uses()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "--set", "model.bais=1"), 'Did you mean "bias"?'),
        (("run", "--set", "modle.bias=1"), 'Did you mean "model"?'),
        (("run", "--set", "model.bias=much"), "must be a number"),
        (("run", "--profile", "lokal"), 'Did you mean "local"?'),
        (("run", "--directory", "nowhere"), "seatrial init"),
        (("step", "modell"), "unknown step 'modell'"),
        (("step", "model"), "Run `seatrial step rows` first"),
        (("runn",), 'Did you mean "run"?'),
    ],
)
def test_a_command_that_cannot_be_meant_exits_with_2_and_says_what_can(
    project: SmallProject, arguments: tuple[str, ...], expected: str
) -> None:
    done = project.call(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
