"""Samples of a real server: what is in them after its end, and a store that is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pyarrow.parquet

from .conftest import END_TIMEOUT_S, Sea, rows
from .test_served_release import INFER, request_of


def served(sea: Sea, *options: str, **environment: str) -> tuple[subprocess.Popen[str], str]:
    """A server with these options, and its address."""
    process = subprocess.Popen(
        sea.command("serve", "--port", "0", "--drain", "0", *options),
        env={**sea.environment, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().removeprefix("Serving census@1 at ").strip()


def ask(address: str, sea: Sea, request_id: str) -> None:
    answer = httpx.post(
        f"{address}{INFER}", json=request_of(rows(20, 3), sea), headers={"X-Request-Id": request_id}, timeout=60
    )
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, request_id)


def test_samples_are_in_the_store_after_the_end_with_the_answers_that_were_given(sea: Sea) -> None:
    without = {"SEATRIAL_SERVE_SAMPLE_WITHOUT": "hours per week,sex"}  # a variable, and a name with spaces
    process, address = served(sea, "--sample", "1.0", **without)
    try:
        ask(address, sea, "first")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=END_TIMEOUT_S)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
    files = list((sea.directory / "store" / "samples" / "census" / "1").rglob("*.parquet"))
    assert len(files) == 1
    sample = pyarrow.parquet.read_table(files[0]).sort_by("row")
    assert sample["request_id"].to_pylist() == ["first"] * 20
    assert sample["row"].to_pylist() == list(range(20))
    assert not {"sex", "hours per week"} & set(sample.column_names)
    expected = sea.predictor.predict(rows(20, 3))
    assert sample["predicted"].to_pylist() == list(expected.labels)
    assert expected.probabilities is not None
    assert sample["probability=>50K"].to_pylist() == expected.probabilities[:, 1].tolist()


def test_a_store_that_is_away_fails_no_answer_and_no_end(sea: Sea) -> None:
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    process, address = served(sea, "--sample", "1.0", "--samples", "s3://bucket/samples", **nowhere)
    try:
        ask(address, sea, "first")
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=END_TIMEOUT_S)
        assert process.returncode == 0
        assert time.monotonic() - begun < 29
        assert "Traceback" not in errors
    finally:
        process.kill()


def test_what_samples_need_is_told(sea: Sea, tmp_path: Path) -> None:
    for options, problem in [
        (("--samples", str(tmp_path)), "need --sample"),
        (("--sample", "0.5", "--samples", str(tmp_path), "--sample-without", "sexx"), "Did you mean"),
    ]:
        done = subprocess.run(
            sea.command("serve", "--port", "0", *options),
            env={**os.environ, **sea.environment},
            capture_output=True,
            text=True,
            timeout=END_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 2
        assert problem in done.stderr
