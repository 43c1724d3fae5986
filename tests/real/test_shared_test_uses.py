"""A team's ledger of test uses on MinIO: projects and trials count together, and a killed writer loses nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.verdicts.uses import recorded_uses
from tests.real.finished_project import GOOD, POOR, FinishedProject
from tests.real.small_project import LIMIT_S
from tests.servers import free_port

WRITER = """
import sys
from pathlib import Path
from seatrial.trial.test_uses.ledger import TestData
from seatrial.trial.test_uses.row_sketch import Sketch
from seatrial.tryout.uses import use_recorder
import os

name, count = sys.argv[1], int(sys.argv[2])
recorder = use_recorder(os.environ, Path.home())
for index in range(count):
    use = recorder.record(TestData("ab" * 32, 10, Sketch(10, ())), model=f"{name}-{index}", evaluation="p").use
    print(f"{name}-{index} {use}", flush=True)
"""
WRITERS, USES_OF_EACH = 3, 12


def variables(store: StoreSettings, state: Path) -> dict[str, str]:
    """What somebody of the team has in their shell."""
    assert store.credentials is not None
    return {
        "SEATRIAL_TEST_USES": store.url,
        "SEATRIAL_STATE": str(state),
        "AWS_ENDPOINT_URL": str(store.endpoint),
        "AWS_ACCESS_KEY_ID": store.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": store.credentials.secret_key,
    }


def tried(around: Path, environment: dict[str, str], *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seatrial", "try", "model.onnx", "test.parquet", "--label", "late", "--json", *more],
        cwd=around,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def use_of(done: subprocess.CompletedProcess[str]) -> int:
    number: int = json.loads(done.stdout)["test_use"]["use"]
    return number


def test_two_projects_and_two_people_that_name_one_ledger_count_together(
    minio_store: StoreSettings, tmp_path: Path
) -> None:
    objects = open_objects(minio_store)
    for who, weights in (("ann", POOR), ("bob", GOOD)):
        (tmp_path / who).mkdir()
        project = FinishedProject(tmp_path / who, weights=weights)
        shell = {key: value for key, value in variables(minio_store, tmp_path).items() if key != "SEATRIAL_STATE"}
        project.environment.update(shell)
        done = project.init()
        assert done.returncode == 0, done.stderr
        assert f'test_uses = {{ url = "{minio_store.url}" }}' in (project.folder / "seatrial.toml").read_text()
        expected = 1 if who == "ann" else 2
        assert f"Measured in use {expected} of the test data" in done.stdout
    # What `init` measured is the same use from any machine, and another seed is another.
    assert use_of(tried(tmp_path / "bob", variables(minio_store, tmp_path / "another machine"))) == 2
    assert use_of(tried(tmp_path / "ann", variables(minio_store, tmp_path / "a third"), "--seed", "8")) == 3
    (digest,) = {info.key.split("/")[1] for info in objects.list("test-uses/")}
    assert sorted(number for number, _ in recorded_uses(objects, digest)) == [1, 2, 3]


def test_writers_that_are_killed_lose_no_use_of_anybodys(minio_store: StoreSettings, tmp_path: Path) -> None:
    draws = random.Random(5)
    outputs = {f"writer{index}": tmp_path / f"writer{index}.out" for index in range(WRITERS)}

    def started(name: str) -> subprocess.Popen[bytes]:
        with outputs[name].open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-c", WRITER, name, str(USES_OF_EACH)],
                env={**os.environ, **variables(minio_store, tmp_path / name)},
                stdout=out,
            )

    running = {name: started(name) for name in outputs}
    victim = "writer0"
    for _ in range(4):
        before = len(outputs[victim].read_text().splitlines()) if outputs[victim].exists() else 0
        until = time.monotonic() + LIMIT_S
        while len(outputs[victim].read_text().splitlines()) < before + 2 and running[victim].poll() is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(draws.uniform(0, 0.05))
        running[victim].kill()
        running[victim].wait(LIMIT_S)
        running[victim] = started(victim)
    for process in running.values():
        assert process.wait(LIMIT_S) == 0
    told: dict[str, set[int]] = {}
    for path in outputs.values():
        for line in path.read_text().splitlines():
            told.setdefault(line.split()[0], set()).add(int(line.split()[1]))
    assert all(len(numbers) == 1 for numbers in told.values())  # asked again it is the same use
    kept = {record.model: number for number, record in recorded_uses(open_objects(minio_store), "ab" * 32)}
    assert kept == {model: number for model, (number,) in told.items()}
    assert sorted(kept.values()) == list(range(1, WRITERS * USES_OF_EACH + 1))


def test_a_ledger_out_of_reach_stops_the_trial_and_is_never_a_count_of_ones_own(
    minio_store: StoreSettings, tmp_path: Path
) -> None:
    FinishedProject(tmp_path)
    shell = variables(minio_store, tmp_path / "state") | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    begun = time.monotonic()
    done = tried(tmp_path, shell)
    assert done.returncode == 1
    (error,) = json.loads(done.stdout)["errors"]
    assert error["path"] == "SEATRIAL_TEST_USES"
    assert error["problem"].startswith(f"the use of this test data cannot be recorded at {minio_store.url}: ")
    assert time.monotonic() - begun < 180
    assert not (tmp_path / "report.html").exists()
    assert list((tmp_path / "state").rglob("*.json")) == []


def test_refused_credentials_stop_it_too(minio_store: StoreSettings, tmp_path: Path) -> None:
    FinishedProject(tmp_path)
    done = tried(tmp_path, variables(minio_store, tmp_path / "state") | {"AWS_SECRET_ACCESS_KEY": "another-secret"})
    assert done.returncode == 1
    assert "cannot be recorded at" in done.stdout
    assert "another-secret" not in done.stdout + done.stderr
