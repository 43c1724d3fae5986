"""An endpoint through the command: a verdict without a release, and each way in which a service may fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.cli import main
from tests.real.endpoints.conftest import Asked, Reply, scripted

pytestmark = pytest.mark.real
METADATA = {
    "name": "people",
    "inputs": [{"name": "age", "datatype": "FP64", "shape": [-1]}],
    "outputs": [
        {"name": "probability", "datatype": "FP64", "shape": [-1, 2], "parameters": {"classes": '["no", "yes"]'}}
    ],
}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """1,200 people whose label goes with their age."""
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(5)
    age = random.uniform(0, 100, 1200)
    rich = np.where(age + random.normal(0, 10, 1200) > 50, "yes", "no")
    path = tmp_path / "people.parquet"
    pyarrow.parquet.write_table(
        pa.table(
            {
                "age": pa.array(age),
                "sex": pa.array(np.where(random.random(1200) < 0.5, "F", "M")),
                "rich": pa.array(rich),
            }
        ),
        path,
    )
    return path


def answers(asked: Asked, *, rows: int | None = None) -> dict[str, Any]:
    """Yes with a hundredth of the age, for all rows or only the first."""
    ages = asked.document["inputs"][0]["data"][:rows]
    flat = [part for age in ages for part in (1 - age / 100, age / 100)]
    return {"outputs": [{"name": "probability", "datatype": "FP64", "shape": [len(ages), 2], "data": flat}]}


def older(asked: Asked, _before: int) -> Reply:
    """One that says yes from another age on."""
    if asked.method == "GET":
        return Reply(document=METADATA)
    found = answers(asked)
    yes = np.clip(np.array(found["outputs"][0]["data"][1::2]) - 0.08, 0, 1)
    found["outputs"][0]["data"] = [float(part) for one in yes for part in (1 - one, one)]
    return Reply(document=found)


def healthy(asked: Asked, _before: int) -> Reply:
    return Reply(document=METADATA if asked.method == "GET" else answers(asked))


def run(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["try", *map(str, words)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_an_endpoint_gets_a_verdict_and_no_release(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(healthy) as server:
        status = run(f"{server.address}/v2/models/people", table, "--label", "rich", "--groups", "sex")
    said = capsys.readouterr().out
    assert status == 0
    assert "Verdict: PASS" in said
    assert "An endpoint is measured and never released" in said
    assert "seatrial init" not in said


def test_an_endpoint_that_answers_alike_is_the_same_use(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used = []
    for _ in range(2):
        with scripted(healthy) as server:
            run(f"{server.address}/v2/models/people", table, "--label", "rich", "--json")
        used.append(json.loads(capsys.readouterr().out)["test_use"]["use"])
    assert used == [1, 1]


def test_a_file_is_held_against_the_endpoint_that_runs_now(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(healthy) as server, scripted(older) as other:
        there = f"{other.address}/v2/models/people"
        run(f"{server.address}/v2/models/people", table, "--label", "rich", "--against", there, "--json")
    found = json.loads(capsys.readouterr().out)
    assert [one["requirement"] for one in found["findings"]][1] == f"accuracy no worse than {there} by 0.01"
    assert found["findings"][1]["outcome"] == "pass"


def test_a_service_that_is_down_is_told_and_nothing_is_counted(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted(healthy) as server:
        gone = f"{server.address}/v2/models/people"
    assert run(gone, table, "--label", "rich") == 1
    said = capsys.readouterr().err
    assert gone in said
    assert "does not answer" in said
    assert "Traceback" not in said
    assert not (tmp_path / "state").exists()


def test_a_service_that_answers_for_fewer_rows_is_told(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def few(asked: Asked, _before: int) -> Reply:
        return Reply(document=METADATA if asked.method == "GET" else answers(asked, rows=100))

    with scripted(few) as server:
        assert run(f"{server.address}/v2/models/people", table, "--label", "rich") in (1, 2)
    said = capsys.readouterr().err
    assert "probability" in said
    assert "100" in said
    assert "Traceback" not in said
    assert not (tmp_path / "state").exists()


def test_a_service_that_breaks_off_in_the_middle_leaves_no_use(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(asked: Asked, before: int) -> Reply:
        return healthy(asked, before) if before < 3 else Reply(status=400, document={"error": "no more"})

    with scripted(failing) as server:
        assert run(f"{server.address}/v2/models/people", table, "--label", "rich") == 1
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
