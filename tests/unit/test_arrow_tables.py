"""Arrow tables written without Spark: each write finds its own snapshot, whoever else writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from seatrial.batches.table import Table
from seatrial.prepare.arrow_tables import write_arrow_table
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings

NAME = "ships.rows"
WRITES = 4


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogSettings:
    (tmp_path / "lake").mkdir()
    store = StoreSettings(url=(tmp_path / "lake").as_uri())
    return CatalogSettings(uri=f"sqlite:///{tmp_path / 'catalog.db'}", warehouse=f"{store.url}/warehouse", store=store)


def write(catalog: CatalogSettings, rows: pa.Table, tag: str = "t") -> int:
    return write_arrow_table(catalog, rows, NAME, tag=tag, properties={"seatrial.digest": tag})


def read(catalog: CatalogSettings, snapshot: int) -> pa.Table:
    return Table(NAME, snapshot, "digest", catalog).to_arrow()


def numbers(start: int) -> pa.Table:
    return pa.table({"n": pa.array(range(start, start + 50))})


@pytest.mark.simulation
def test_each_write_overwrites_and_the_snapshots_before_keep_their_rows(catalog: CatalogSettings) -> None:
    first, second = write(catalog, numbers(0)), write(catalog, numbers(1000))
    assert read(catalog, first) == numbers(0)
    assert read(catalog, second) == numbers(1000)


def test_another_schema_replaces_the_columns_and_not_the_past(catalog: CatalogSettings) -> None:
    named = pa.table({"n": ["a", "b"], "more": [1.5, None]})
    first, second = write(catalog, numbers(0)), write(catalog, named)
    assert read(catalog, first) == numbers(0)
    assert read(catalog, second).to_pydict() == named.to_pydict()


def test_the_same_schema_is_not_replaced(catalog: CatalogSettings) -> None:
    rows = pa.table({"name": ["a"], "n": [1]})
    write(catalog, rows)
    write(catalog, rows)
    with open_catalog(catalog) as opened:
        assert len(opened.load_table(NAME).schemas()) == 1


def test_every_snapshot_is_pinned_by_a_tag_of_its_own(catalog: CatalogSettings) -> None:
    snapshots = {write(catalog, numbers(start), tag="same") for start in (0, 1000)}
    with open_catalog(catalog) as opened:
        refs = opened.load_table(NAME).refs()
    pinned = {ref.snapshot_id for name, ref in refs.items() if name.startswith("seatrial-same")}
    assert pinned == snapshots


WRITER = """
import sys
import pyarrow as pa
from seatrial.prepare.arrow_tables import write_arrow_table
from seatrial.stores.settings import CatalogSettings, StoreSettings

uri, warehouse, store, name, start, writes = sys.argv[1:]
catalog = CatalogSettings(uri=uri, warehouse=warehouse, store=StoreSettings(url=store))
for base in range(int(start), int(start) + 100 * int(writes), 100):
    rows = pa.table({"n": pa.array(range(base, base + 50))})
    print(base, write_arrow_table(catalog, rows, name, tag=str(base), properties={}))
"""


@pytest.mark.simulation
def test_writers_at_once_each_find_the_snapshot_with_their_own_rows(catalog: CatalogSettings) -> None:
    place = [catalog.uri, catalog.warehouse, catalog.store.url, NAME]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, *place, start, str(WRITES)], stdout=subprocess.PIPE, text=True)
        for start in ("0", "100000")
    ]
    answers = [writer.communicate(timeout=120)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    snapshots = [tuple(map(int, line.split())) for answer in answers for line in answer.splitlines()]
    assert len(snapshots) == WRITES * len(writers)
    for base, snapshot in snapshots:
        assert read(catalog, snapshot) == numbers(base)
