"""From a served request to a verdict on the policy: samples on MinIO, labels that come later, `seatrial assess`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings

from .conftest import END_TIMEOUT_S, Sea, rows, sea_over

REQUESTS, ROWS = 9, 100  # within the ten seconds' worth that may be sampled at once
CLASSES = ("<=50K", ">50K")
TRIAL_TIMEOUT_S = 300
ACCURACY = {"metric": "accuracy", "family": "all", "column": None, "of_class": None, "against": None, "threat": None}


@dataclass(frozen=True)
class Served:
    """A project whose release has answered, and what it answered, by request and row."""

    sea: Sea
    store: StoreSettings
    answers: dict[tuple[str, int], str]

    def assess(self, *arguments: str, status: int) -> subprocess.CompletedProcess[str]:
        report = str(self.sea.directory / "report.html")
        command = self.sea.command("assess", *arguments, "--label", "income", "--report", report)
        done = subprocess.run(
            command,
            env=self.sea.environment,
            capture_output=True,
            text=True,
            timeout=TRIAL_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, status: int) -> Any:
        return json.loads(self.assess(*arguments, "--json", status=status).stdout)

    def labels(self, name: str, *, right: float) -> str:
        """A table of labels, of which so many are what was answered."""
        random = np.random.default_rng(5)
        other = dict(zip(CLASSES, reversed(CLASSES), strict=True))
        told = [
            (request, row, answer if random.random() < right else other[answer])
            for (request, row), answer in self.answers.items()
        ]
        table = pa.table(dict(zip(("request_id", "row", "income"), zip(*told, strict=True), strict=True)))
        pyarrow.csv.write_csv(table, self.sea.directory / name)
        return str(self.sea.directory / name)


@contextmanager
def serving(sea: Sea, *options: str) -> Iterator[str]:
    command = sea.command("serve", "--port", "0", "--drain", "0", "--sample", "1.0", *options)
    process = subprocess.Popen(command, env=sea.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("Serving census@1 at ").strip()
        process.terminate()
        _, errors = process.communicate(timeout=END_TIMEOUT_S)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate(timeout=END_TIMEOUT_S)


def ask(address: str, name: str) -> dict[tuple[str, int], str]:
    answers: dict[tuple[str, int], str] = {}
    for number in range(REQUESTS):
        request = f"{name}-{number}"
        answer = httpx.post(
            f"{address}/predict",
            json=rows(ROWS, 100 + number).to_pylist(),
            headers={"X-Request-Id": request},
            timeout=END_TIMEOUT_S,
        )
        answers |= {(request, row): record["predicted"] for row, record in enumerate(answer.json())}
    return answers


@pytest.fixture(scope="module")
def served(minio: StoreSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    assert minio.credentials is not None
    keys = {"AWS_ACCESS_KEY_ID": minio.credentials.access_key, "AWS_SECRET_ACCESS_KEY": minio.credentials.secret_key}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in keys.items():
            patch.setenv(key, value)
        store = StoreSettings(
            f"{minio.url}/assessed", endpoint=minio.endpoint, region=minio.region, credentials=minio.credentials
        )
        choice = f'{{ url = "{store.url}", endpoint = "{minio.endpoint}", credentials = "env" }}'
        (folder / "project").mkdir()
        sea = sea_over(store, choice, folder / "project", folder / "home")
        with serving(sea) as address:
            answers = ask(address, "r")
        with serving(sea, "--samples", f"{store.url}/without", "--sample-without", "age,sex") as address:
            ask(address, "r")
        yield Served(sea, store, answers)


def test_a_policy_that_holds_passes(served: Served) -> None:
    labels = served.labels("good.csv", right=0.95)
    document = served.json("census@1", "--labels", labels, status=0)
    assert (document["verdict"], document["release"], document["test_use"]["use"]) == ("pass", "census@1", 1)
    bounds = [item["low"] for item in document["evidence"] if item["claim"] == ACCURACY]
    assert len(bounds) == 1
    assert 0.9 < bounds[0] < 0.95
    samples = document["samples"]
    assert (samples["rows"], samples["labelled"], samples["shares"]) == (REQUESTS * ROWS, REQUESTS * ROWS, [1.0])
    assert (samples["dropped"], samples["skipped"], samples["differing_answers"]) == ([], [], 0)
    again = served.json("census@1", "--labels", labels, status=0)
    assert again["test_use"]["use"] == 1  # the same model and policy on the same rows are the same use


def test_a_model_gone_bad_fails_whatever_was_shown_of_it_before(served: Served) -> None:
    told = served.assess("census@1", "--labels", served.labels("bad.csv", right=0.6), status=3).stdout
    assert "census@1: its policy no longer holds." in told


def test_dropped_inputs_leave_what_was_answered_to_be_measured_and_unread_files_nothing(served: Served) -> None:
    options = ("--on", f"{served.store.url}/without", "--labels", served.labels("good.csv", right=0.95))
    document = served.json("census@1", *options, status=0)
    samples = document["samples"]
    assert (samples["dropped"], samples["kept"]) == (["age", "sex"], ["hours per week", "größe"])
    assert (samples["differing_answers"], document["test_use"]["rows"]) == (None, REQUESTS * ROWS)
    open_objects(served.store).put("without/census/1/a.parquet", b"PAR1 not at all")
    lacking = served.json("census@1", *options, status=3)
    assert [Path(item["file"]).name for item in lacking["samples"]["skipped"]] == ["a.parquet"]
    assert (lacking["verdict"], lacking["samples"]["unread_files"]) == ("inconclusive", 1)
