"""Two processes, two Spark sessions, one new SQLite catalog, one table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings

from .lake import need_java

WRITER = Path(__file__).with_name("writer.py")
ROUNDS = 5
FINISH_S = 240


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("columns", [("number", "number"), ("number", "another")], ids=["one-schema", "two-schemas"])
def test_each_gets_the_snapshots_of_its_own_rows(
    seaweed_store: StoreSettings, sqlite_catalog: CatalogSettings, tmp_path: Path, columns: tuple[str, str]
) -> None:
    need_java()
    store = sqlite_catalog.store
    assert store.credentials is not None
    place = [
        str(store.endpoint),
        store.credentials.access_key,
        store.credentials.secret_key,
        store.url,
        sqlite_catalog.uri,
    ]
    writers = [
        subprocess.Popen(
            [sys.executable, str(WRITER), *place, str(tmp_path / f"{first}.log"), str(first), str(ROUNDS), column],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first, column in zip((0, 100), columns, strict=True)
    ]
    answers = [writer.communicate(timeout=FINISH_S) for writer in writers]
    assert [(writer.returncode, errors) for writer, (_, errors) in zip(writers, answers, strict=True)] == [(0, "")] * 2
    with open_catalog(sqlite_catalog) as catalog:
        table = catalog.load_table("shared.contended")
        for (output, _), column in zip(answers, columns, strict=True):
            for number, snapshot in json.loads(output).items():
                rows = table.scan(snapshot_id=snapshot).to_arrow()
                assert rows.to_pydict() == {column: [int(number)] * 5}
                assert table.refs()[f"seatrial-writer-{number}"].snapshot_id == snapshot
    order = [snapshot.summary.additional_properties["spark.app.id"] for snapshot in table.snapshots()]
    assert len(order) >= 2 * ROUNDS
    assert order != sorted(order), "the writers did not overlap: this run proves nothing"
