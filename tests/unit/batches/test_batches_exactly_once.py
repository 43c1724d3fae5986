"""Every row exactly once, whenever a reader is killed and however it is resumed; and always in one order."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.batches.columns.buffers import Buffers
from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.plan.epoch_plan import Epoch, Plan, epoch_of
from seatrial.batches.reading import reader, reader_threads
from seatrial.batches.reading.batch_work import Batch, gather
from seatrial.batches.reading.reader import Batches
from seatrial.batches.reading.reader_threads import Threads

pytestmark = pytest.mark.simulation

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


def taken(ranks: Sequence[Batches], batches: int | None = None) -> list[list[int]]:
    """The ids of each global batch, the ranks' stripes one after the other; rows must have stayed together."""
    (count,) = {len(one) for one in ranks}  # every rank sees equally many batches
    steps: list[list[int]] = []
    for _ in range(count if batches is None else batches):
        steps.append([])
        for one in ranks:
            batch = next(one)
            assert (batch["features"] == batch["id"][:, None]).all()
            assert batch["word"].tolist() == [f"w{row % 5}" for row in batch["id"]]
            steps[-1].extend(batch["id"].tolist())
    return steps


# Of a row group's bytes: windows of all row groups, of several, and of one each.
SCALES = (1, 300, 1000, 2**20)
files_of_groups = st.lists(st.lists(st.integers(0, 40), max_size=4), min_size=1, max_size=3)


@dataclass(frozen=True)
class Leg:
    """A reader in each of `world` ranks, killed after a share of the batches that are left."""

    world: int
    batch_rows: int
    share: float


legs = st.builds(Leg, st.integers(1, 5), st.integers(1, 60), st.floats(0, 1))


@contextmanager
def running(scale: int, threads: Threads, *, ahead_bytes: int, dawdling: bool) -> Iterator[None]:
    """Readers whose windows are cut as if row groups were so many times as large, with so many threads.

    `dawdling` threads take their time now and then, so that they overtake one another. A buffer that is given back is
    overwritten at once, as the next window would do it sooner or later.
    """
    chance = random.Random(7)

    def cut(rows: Any, size_bytes: Any, order_key: str, plan: Plan) -> Epoch:
        return epoch_of(rows, size_bytes * scale, order_key, plan)

    def slowly(parts: Any, windows: Any) -> Batch:
        if dawdling:
            time.sleep(chance.choice((0, 0, 0.002)))
        return gather(parts, windows)

    def overwritten(buffers: Buffers, buffer: Any) -> None:
        buffer[:] = 255
        give_back(buffers, buffer)

    give_back = Buffers.give_back
    with (
        patch.object(Buffers, "give_back", overwritten),
        patch.object(reader, "epoch_of", cut),
        patch.object(reader, "Threads", lambda *_: threads),
        patch.object(reader_threads, "gather", slowly),
        patch.object(reader_threads, "AHEAD_BYTES", ahead_bytes),
    ):
        yield


def without(table: ParquetTable, deleted: set[int]) -> ParquetTable:
    """The table as if Iceberg's position deletes had taken these ids away."""
    positions: dict[str, list[int]] = {}
    for one in table._source.files:
        for position, row in enumerate(pq.read_table(one.path, columns=["id"])["id"].to_pylist()):
            if row in deleted:
                positions.setdefault(one.path, []).append(position)
    arrays = {path: np.array(found, np.int64) for path, found in positions.items()}
    return replace(table, _source=replace(table._source, deleted=arrays))


@given(
    files=files_of_groups,
    deleted=st.sets(st.integers(0, 120), max_size=60),
    scale=st.sampled_from(SCALES),
    chain=st.lists(legs, max_size=3),
    last=legs,
    seed=st.integers(0, 3),
    epoch=st.integers(0, 3),
    threads=st.sampled_from([Threads(1, 1), Threads(2, 2), Threads(5, 4)]),
    ahead_bytes=st.sampled_from([0, reader_threads.AHEAD_BYTES]),
    dawdling=st.booleans(),
)
@example(  # many windows in few buffers, overtaking
    files=[[20] * 4, [30] * 4, [40] * 4],
    deleted=set(),
    scale=SCALES[-1],
    chain=[Leg(2, 50, 0.5)],
    last=Leg(1, 7, 1),
    seed=7,
    epoch=0,
    threads=Threads(5, 4),
    ahead_bytes=0,
    dawdling=True,
)
@example(  # several windows a batch, a whole row group deleted, ranks without a row in a window
    files=[[3, 0, 5], [], [1, 40, 2]],
    deleted={*range(3, 8), 20},
    scale=SCALES[-1],
    chain=[Leg(3, 17, 0.4), Leg(2, 1, 0.5)],
    last=Leg(5, 60, 1),
    seed=7,
    epoch=1,
    threads=Threads(5, 4),
    ahead_bytes=0,
    dawdling=True,
)
@settings(deadline=None, max_examples=120)
def test_every_row_comes_exactly_once_and_in_its_place_however_often_it_is_killed_and_resumed(
    folder: Path,
    files: list[list[int]],
    deleted: set[int],
    scale: int,
    chain: list[Leg],
    last: Leg,
    seed: int,
    epoch: int,
    threads: Threads,
    ahead_bytes: int,
    dawdling: bool,
) -> None:
    table = without(written(folder, files), deleted)
    asked: Any = {"seed": seed, "epoch": epoch, "window_mib": 1}
    with running(scale, Threads(2, 2), ahead_bytes=reader_threads.AHEAD_BYTES, dawdling=False):
        alone = [row for step in taken([table.batches(**asked)]) for row in step]
    assert sorted(alone) == [row for row in range(sum(map(sum, files))) if row not in deleted]
    seen: list[int] = []
    cursor = None
    with running(scale, threads, ahead_bytes=ahead_bytes, dawdling=dawdling):
        for leg in [*chain, replace(last, share=1)]:
            asked |= {"cursor": cursor, "batch_rows": leg.batch_rows, "world": leg.world}
            with ExitStack() as ends:
                ranks = [ends.enter_context(table.batches(**asked, rank=rank)) for rank in range(leg.world)]
                steps = taken(ranks, math.ceil(leg.share * len(ranks[0])))
                assert all(len(step) == leg.batch_rows for step in steps[:-1])
                seen += [row for step in steps for row in step]
                (cursor,) = {one.cursor() for one in ranks}
            assert json.loads(cursor)["delivered"] == len(seen)
    assert seen == alone


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


def test_what_was_delivered_is_not_fetched_again(folder: Path) -> None:
    table = written(folder, [[100] * 4] * 5)
    with running(SCALES[-1], Threads(1, 1), ahead_bytes=0, dawdling=False):
        first = table.batches(columns=["features"], batch_rows=1500)
        next(first)
        rest = table.batches(columns=["features"], cursor=first.cursor())
        assert sum(len(batch["features"]) for batch in rest) == 500
        whole = table.batches(columns=["features"])
        assert sum(len(batch["features"]) for batch in whole) == 2000
    assert rest.stats().fetched_bytes == whole.stats().fetched_bytes // 4
