"""Every row exactly once, whenever a reader is killed and however it is resumed; and always in one order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.batches.parquet import ParquetTable, parquet_table
from seatrial.batches.reader import Batches

WIDTH = 3
FIELDS: Any = {"id": pa.int64(), "features": pa.binary(), "word": pa.string()}
SCHEMA: Any = pa.schema(
    FIELDS,
    metadata={"seatrial.packed.features": json.dumps({"dtype": "float32", "width": WIDTH})},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lake")


def written(folder: Path, files: Sequence[Sequence[int]]) -> ParquetTable:
    """A table with a file for each list, of as many row groups of so many rows; ids count through."""
    place = folder / "-".join(["t", *("_".join(map(str, groups)) for groups in files)])
    if not place.exists():
        place.mkdir()
        first = 0
        for number, groups in enumerate(files):
            with pq.ParquetWriter(
                place / f"{number}.parquet",
                SCHEMA,
                compression="none",
                use_dictionary=["word"],  # type: ignore[arg-type]  # the stubs do not know lists
            ) as writer:
                for rows in groups:
                    ids = np.arange(first, first + rows)
                    first += rows
                    packed = np.repeat(ids[:, None], WIDTH, axis=1).astype("<f4")
                    columns: list[Any] = [ids, [row.tobytes() for row in packed], [f"w{one % 5}" for one in ids]]
                    arrays = [pa.array(one, field.type) for one, field in zip(columns, SCHEMA, strict=True)]
                    writer.write_table(pa.table(arrays, schema=SCHEMA))
    return parquet_table(place)


def taken(readers: Sequence[Batches], batches: int | None = None) -> list[list[int]]:
    """The ids that each reader gave, batch by batch in turn; rows must have stayed together."""
    seen: list[list[int]] = [[] for _ in readers]
    counts = {len(reader) for reader in readers}
    assert len(counts) == 1, "every rank sees equally many batches"
    for _ in range(min(counts.pop(), 10**9 if batches is None else batches)):
        for ids, reader in zip(seen, readers, strict=True):
            batch = next(reader)
            assert (batch["features"] == batch["id"][:, None]).all()
            assert batch["word"].tolist() == [f"w{one % 5}" for one in batch["id"]]
            ids.extend(batch["id"].tolist())
    return seen


tables = st.lists(st.lists(st.integers(1, 40), max_size=4), min_size=1, max_size=3)


@given(
    files=tables,
    world=st.integers(1, 4),
    kill_after=st.integers(0, 8),
    resumed_world=st.integers(1, 4),
    batch_rows=st.integers(1, 60),
    resumed_batch_rows=st.integers(1, 60),
)
@settings(deadline=None, max_examples=40)
def test_every_row_comes_exactly_once_whenever_it_is_killed_and_however_it_is_resumed(
    folder: Path,
    files: list[list[int]],
    world: int,
    kill_after: int,
    resumed_world: int,
    batch_rows: int,
    resumed_batch_rows: int,
) -> None:
    table = written(folder, files)
    with ExitStack() as readers:
        first = [
            readers.enter_context(table.batches(batch_rows=batch_rows, rank=rank, world=world)) for rank in range(world)
        ]
        seen = taken(first, kill_after)
        cursors = {reader.cursor() for reader in first}
    assert len(cursors) == 1
    cursor = cursors.pop()
    assert json.loads(cursor)["delivered"] == sum(map(len, seen))
    rest = [
        table.batches(batch_rows=resumed_batch_rows, rank=rank, world=resumed_world, cursor=cursor)
        for rank in range(resumed_world)
    ]
    seen += taken(rest)
    assert sorted(chain.from_iterable(seen)) == list(range(sum(map(sum, files))))


@given(files=tables, world=st.integers(1, 4), batch_rows=st.integers(1, 40))
@settings(deadline=None, max_examples=15)
def test_the_order_of_all_ranks_together_is_that_of_one(
    folder: Path, files: list[list[int]], world: int, batch_rows: int
) -> None:
    table = written(folder, files)
    alone = [batch["id"].tolist() for batch in table.batches(columns=["id"], batch_rows=batch_rows)]
    ranks = [table.batches(columns=["id"], batch_rows=batch_rows, rank=rank, world=world) for rank in range(world)]
    together = [[one for batch in step for one in batch["id"].tolist()] for step in zip(*ranks, strict=True)]
    assert together == alone


@pytest.mark.parametrize("ask", [{"memory_mib": 40}, {"batch_rows": 7}, {"columns": None}])
def test_memory_columns_and_batch_size_change_nothing_of_the_order(folder: Path, ask: dict[str, object]) -> None:
    table = written(folder, [[300, 200], [250]])

    def ids(**asked: object) -> list[int]:
        asked = {"columns": ["id"], **asked}
        return [one for batch in table.batches(**asked) for one in batch["id"].tolist()]  # type: ignore[arg-type]

    assert ids(**ask) == ids()


def test_a_copy_under_other_names_with_other_pins_comes_in_the_same_order(folder: Path, tmp_path: Path) -> None:
    table = written(folder, [[30], [20], [25]])
    for number in range(3):
        source = Path(table.url) / f"{number}.parquet"
        name = f"part-0000{number}-1b4e28ba-2fa1-11d2-883f-{number:012d}-c000.parquet"
        (tmp_path / name).write_bytes(source.read_bytes())
    copy = parquet_table(tmp_path)
    assert copy.digest != table.digest
    assert taken([copy.batches()]) == taken([table.batches()])
