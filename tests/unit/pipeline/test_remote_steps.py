"""A step that gets its code and its job from the store, as a pod does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.errors import Corrupt, InputError
from seatrial.pipeline.jobs.job import job_for
from seatrial.pipeline.places.code_artifact import MOST_BYTES, pack_code, unpack_code
from seatrial.pipeline.places.pod_store import STORE_VARIABLE
from seatrial.pipeline.places.run_documents import answer_key, job_key, write_job
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import open_project
from seatrial.stores.artifacts import read_artifact
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.place_contract import forget_modules, write_project

RUN = "20260101T000000-abcdef"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path / "places", f'[profile.shared]\nstore = {{ url = "file:{tmp_path / "store"}" }}\n')
    return tmp_path / "places"


def test_the_code_that_travels_is_the_modules_and_the_project_file(project: Path, tmp_path: Path) -> None:
    for path in (".venv/lib/there.py", "environment/pyvenv.cfg", "environment/lib.py", "__pycache__/old.py", "raw.csv"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("")
    (project / "parts" / "deep").mkdir(parents=True)
    (project / "parts" / "deep" / "more.py").write_text("MORE = 1\n")
    (tmp_path / "store").mkdir()
    objects = open_objects(StoreSettings((tmp_path / "store").as_uri()))
    digest = pack_code(load_project(project), objects)
    assert sorted(read_artifact(objects, digest)) == [
        "elsewhere.py",
        "parts/deep/more.py",
        "pipeline.py",
        "seatrial.toml",
    ]
    unpack_code(objects, digest, tmp_path / "there")
    assert (tmp_path / "there" / "parts" / "deep" / "more.py").read_text() == "MORE = 1\n"
    (tmp_path / "store" / "artifacts" / digest / "elsewhere.py").write_text("def doubled(n): return 7\n")
    with pytest.raises(Corrupt):
        unpack_code(objects, digest, tmp_path / "damaged")


def test_a_folder_that_is_no_project_is_not_sent(project: Path, tmp_path: Path) -> None:
    (project / "large.py").write_bytes(b"#" * (MOST_BYTES + 1))
    (tmp_path / "store").mkdir()
    with pytest.raises(InputError, match="at most 16 MiB"):
        pack_code(load_project(project), open_objects(StoreSettings((tmp_path / "store").as_uri())))


def remote(project: Path, step: str, *, tampered: bool = False) -> tuple[subprocess.CompletedProcess[str], object]:
    """Runs the step as its pod would, in a folder of its own, and returns the answer that it left."""
    forget_modules()
    loaded = load_project(project)
    graph = load_pipeline(loaded, sets=(), rehearse=False).graph
    with open_project(loaded, "shared") as workspace:
        job = job_for(graph[step], {}, {}, workspace)
        code, digest = pack_code(loaded, workspace.objects), write_job(workspace.objects, RUN, job)
        if tampered:
            other = job_for(graph["counts"], {}, {"counts": {"number": 7}}, workspace)
            write_job(workspace.objects, RUN, other)
        elsewhere = project.parent / "pod"
        elsewhere.mkdir(exist_ok=True)
        store = json.dumps({"url": workspace.store.url})
        done = subprocess.run(
            [
                *(sys.executable, "-m", "seatrial", "step", step, "--run", RUN, "--profile", "shared"),
                *("--code", code, "--job", digest),
            ],
            env={**os.environ, STORE_VARIABLE: store, "SEATRIAL_STATE": str(elsewhere / "state")},
            cwd=elsewhere,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert workspace.objects.get(job_key(RUN, step)).data
        return done, json.loads(workspace.objects.get(answer_key(RUN, step)).data)


@pytest.mark.simulation
def test_a_remote_step_leaves_its_record(project: Path) -> None:
    done, answer = remote(project, "counts")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "counted to 3\n"
    assert isinstance(answer, dict)
    assert list(answer["outputs"]) == ["counts"]


@pytest.mark.simulation
def test_a_remote_step_leaves_its_error_without_its_own_folder(project: Path) -> None:
    done, answer = remote(project, "raises")
    assert done.returncode == 1
    assert isinstance(answer, dict)
    (error,) = answer["errors"]
    assert (error["problem"], error["path"]) == ("step 'raises' raised ValueError: no such ship", "pipeline.py")


@pytest.mark.simulation
def test_another_job_than_the_pod_was_told_of_is_refused(project: Path) -> None:
    done, answer = remote(project, "counts", tampered=True)
    assert done.returncode == 1
    assert "must have the sha256" in done.stderr
    assert isinstance(answer, dict)
    assert answer["errors"][0]["code"] == "corrupt"


@pytest.mark.simulation
def test_other_versions_than_the_key_says_are_refused_by_name(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (project / "pipeline.py").read_text()
    (project / "pipeline.py").write_text(
        text.replace('@step(cpu="600m", memory="512Mi")\ndef counts', '@step(libraries=("numpy",))\ndef counts')
    )
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "0.0.1")
    done, _ = remote(project, "counts")
    assert done.returncode == 2
    assert "needs numpy 0.0.1, and the image has " in done.stderr
