"""`seatrial ingest` killed at moments of chance and started again: each record is in the table exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

import pytest

from seatrial.pipeline.workspace import open_workspace
from seatrial.stores.catalog import open_catalog
from seatrial.stores.embedded.lease import stop

from .broker import USER, Broker

ROWS, CHUNK, ABORTED, BAD = 12_000, 600, 25, 40
KILLS = 3
BATCH = 900
STARTED_S, FINISH_S = 400, 600


@pytest.fixture
def project(broker: Broker, tmp_path: Path) -> Iterator[Path]:
    """A project that signs in over TLS, and a topic with transactions, aborted ones and bad records among them."""
    broker.create_topic("events")
    with broker.transactions() as producer:
        for start in range(0, ROWS, CHUNK):
            values = [json.dumps({"id": number}).encode() for number in range(start, start + CHUNK)]
            broken = [b"broken %d" % number for number in range(start * BAD // ROWS, (start + CHUNK) * BAD // ROWS)]
            broker.transaction(producer, "events", values + broken)
            broker.transaction(producer, "events", [b'{"id": -1}'] * ABORTED, abort=True)
    (tmp_path / "seatrial.toml").write_text(f"""\
[project]
name = "shop"

[ingest.events]
columns = {{ id = "bigint" }}
required = ["id"]

[profile.local.kafka]
brokers = ["{broker.secured}"]
tls = true
ca = "file:{broker.authority}"
sasl = {{ mechanism = "PLAIN", user = "env:KAFKA_USER", password = "env:KAFKA_PASSWORD" }}
""")
    yield tmp_path
    stop(tmp_path / ".seatrial")


def started(project: Path, broker: Broker, errors: IO[str], *options: str) -> subprocess.Popen[str]:
    """The command in a process group of its own, so that its JVM can be killed with it."""
    command = ["ingest", "events", "--into", "events", "--every", "0", "--batch-records", str(BATCH), *options]
    return subprocess.Popen(
        [sys.executable, "-m", "seatrial", *command],
        cwd=project,
        env={**os.environ, "KAFKA_USER": USER, "KAFKA_PASSWORD": broker.password},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )


def wait_for_commit(process: subprocess.Popen[str], log: Path) -> None:
    until = time.monotonic() + STARTED_S
    while "committed" not in log.read_text() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert "committed" in log.read_text(), log.read_text()


@pytest.mark.skipif(
    "SEATRIAL_TEST_INGEST_KILLS" not in os.environ, reason="takes many minutes: set SEATRIAL_TEST_INGEST_KILLS"
)
def test_a_killed_ingestion_neither_loses_nor_doubles_a_record(project: Path, broker: Broker) -> None:
    chance = random.Random(7)
    for kill in range(KILLS):
        log = project / f"errors-{kill}.txt"
        with log.open("w") as errors:
            process = started(project, broker, errors)
            wait_for_commit(process, log)
            time.sleep(chance.uniform(0, 1.5))
            # Its JVM is killed too, or has to find out by itself that nobody is left.
            if kill % 2:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.communicate()
    log = project / "errors-last.txt"
    with log.open("w") as errors:
        process = started(project, broker, errors, "--json")
        until = time.monotonic() + FINISH_S
        while "lag 0 offsets" not in log.read_text() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.2)
        process.terminate()
        output, _ = process.communicate(timeout=FINISH_S)
    assert process.returncode == 0, log.read_text()
    done = json.loads(output)
    assert (done["ended"], done["lag"], done["table"]) == ("SIGTERM", 0, "shop.events")

    with open_workspace(project) as workspace, open_catalog(workspace.catalog) as catalog:
        table = catalog.load_table("shop.events")
        assert sorted(table.scan().to_arrow()["id"].to_pylist()) == list(range(ROWS))
        letters = catalog.load_table("shop.events_dead_letters").scan().to_arrow()
        assert sorted(letters["value"].to_pylist()) == sorted(b"broken %d" % number for number in range(BAD))
        assert table.metadata.current_snapshot_id == done["snapshot"]
        assert list(table.refs()) == ["main"]
        # Of the table's history alone: a killed run leaves snapshots that it never published.
        snapshots = {snapshot.snapshot_id: snapshot for snapshot in table.snapshots()}
        marks, snapshot = [], table.current_snapshot()
        while snapshot is not None:
            assert snapshot.summary is not None
            if (mark := snapshot.summary.additional_properties.get("seatrial.ingest")) is not None:
                marks.append(json.loads(mark))
            snapshot = snapshots.get(snapshot.parent_snapshot_id or 0)
        marks.reverse()
    # One commit begins where the one before ended, killed or not.
    for before, after in pairwise(marks):
        assert after["since"] == before["to"]
    assert marks[-1]["to"] == {partition: ends["to"] for partition, ends in done["offsets"].items()}
    secret = broker.password.rpartition(" ")[2].encode()
    written = [*project.glob("errors-*.txt"), *project.glob(".seatrial/*.log"), *project.glob(".seatrial/*.db")]
    assert [path for path in written if secret in path.read_bytes()] == []
