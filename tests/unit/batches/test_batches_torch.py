"""Batches in PyTorch: the same rows in the same order for any number of workers, resumable, leaving nothing behind."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import ParquetTable, parquet_table

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader  # noqa: E402 after torch was found

from seatrial.batches.frameworks.to_torch import to_torch  # noqa: E402

ROWS = 3000
BATCH_ROWS = 128
pytestmark = [
    pytest.mark.simulation,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),  # more workers than cores
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ParquetTable:
    folder = tmp_path_factory.mktemp("lake")
    ids = np.arange(ROWS)
    columns: Any = {"id": ids, "x": ids.astype(np.float32), "day": ids.astype("datetime64[D]"), "word": ["a"] * ROWS}
    rows = pa.table(columns)
    pq.write_table(rows, folder / "rows.parquet", row_group_size=500)
    return parquet_table(folder)


def ids_of(batches: Any) -> list[list[int]]:
    return [batch["id"].tolist() for batch in batches]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_loader_gives_the_same_batches_for_any_number_of_workers(table: ParquetTable, workers: int) -> None:
    plain = ids_of(table.batches(batch_rows=BATCH_ROWS))
    next(table.batches(batch_rows=BATCH_ROWS)).clear()  # a reader that has been used in the parent does not disturb
    loader = DataLoader(to_torch(table.batches(batch_rows=BATCH_ROWS)), batch_size=None, num_workers=workers)
    assert ids_of(loader) == plain
    assert not [child.name for child in multiprocessing.active_children()]


def test_tensors_share_the_memory_of_the_arrays_and_keep_their_types(table: ParquetTable) -> None:
    batch = next(iter(to_torch(table.batches())))
    assert (batch["x"].dtype, batch["id"].dtype, batch["day"].dtype) == (torch.float32, torch.int64, torch.int64)
    assert batch["day"].tolist() == batch["id"].tolist()
    assert batch["word"][0] == "a"


def test_every_epoch_has_an_order_of_its_own_and_every_row(table: ParquetTable) -> None:
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS))
    loader = DataLoader(dataset, batch_size=None)
    orders = []
    for epoch in range(3):
        dataset.set_epoch(epoch)
        orders.append([one for ids in ids_of(loader) for one in ids])
    assert orders[0] != orders[1] != orders[2]
    assert all(sorted(order) == list(range(ROWS)) for order in orders)


@pytest.mark.parametrize("taken", [0, 1, 7])
def test_a_state_goes_on_where_it_was_made(table: ParquetTable, taken: int) -> None:
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS, epoch=2))
    running = iter(dataset)
    first = ids_of(next(running) for _ in range(taken))
    state = dataset.state_dict()
    resumed = to_torch(table.batches(batch_rows=BATCH_ROWS))
    resumed.load_state_dict(state)
    assert len(resumed) == len(table.batches(batch_rows=BATCH_ROWS)) - taken
    assert first + ids_of(resumed) == ids_of(table.batches(batch_rows=BATCH_ROWS, epoch=2))


def test_a_loader_that_is_left_early_leaves_no_thread_and_no_process(table: ParquetTable) -> None:
    for workers in (0, 2):
        loader = DataLoader(to_torch(table.batches(batch_rows=10)), batch_size=None, num_workers=workers)
        for _ in loader:
            break
        del loader
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("seatrial-")]
    assert not [child.name for child in multiprocessing.active_children()]


def test_an_iteration_that_is_left_early_leaves_its_state_and_no_thread(table: ParquetTable) -> None:
    dataset = to_torch(table.batches(batch_rows=10))
    for _ in dataset:
        break
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("seatrial-")]
    assert dataset.state_dict() == {"epoch": 0, "cursor": table.batches(batch_rows=10).cursor(ahead=1)}


def test_a_reader_that_has_started_is_refused_in_a_forked_process(table: ParquetTable, tmp_path: Path) -> None:
    batches = table.batches(batch_rows=10)
    next(batches)

    def use() -> None:
        try:
            next(batches)
        except Exception as error:  # noqa: BLE001 what it says is looked at outside
            (tmp_path / "said").write_text(str(error))

    child = multiprocessing.get_context("fork").Process(target=use)
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert "started in another process" in (tmp_path / "said").read_text()
    batches.close()


@pytest.mark.filterwarnings("ignore:.set_vital. is deprecated:UserWarning")  # torchdata's own
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_stateful_loader_goes_on_in_the_middle_of_an_epoch(table: ParquetTable, workers: int) -> None:
    loaders = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not installed")

    def loader() -> Any:
        dataset = to_torch(table.batches(batch_rows=BATCH_ROWS))
        return loaders.StatefulDataLoader(dataset, batch_size=None, num_workers=workers)

    whole = ids_of(loader())
    first = loader()
    running = iter(first)
    seen = ids_of(next(running) for _ in range(5))
    state = first.state_dict()
    resumed = loader()
    resumed.load_state_dict(state)
    assert seen + ids_of(resumed) == whole
    assert ids_of(resumed) == whole  # the state was for one iteration


@pytest.mark.filterwarnings("ignore:.set_vital. is deprecated:UserWarning")  # torchdata's own
@pytest.mark.parametrize("workers", [0, 1])
def test_from_its_state_at_the_end_of_an_epoch_a_stateful_loader_begins_another(
    table: ParquetTable, workers: int
) -> None:
    loaders = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not installed")

    def loader() -> Any:
        dataset = to_torch(table.batches(batch_rows=BATCH_ROWS))
        return loaders.StatefulDataLoader(dataset, batch_size=None, num_workers=workers)

    first = loader()
    whole = ids_of(first)
    resumed = loader()
    resumed.load_state_dict(first.state_dict())
    assert ids_of(resumed) == whole


def test_a_cursor_outlives_that_its_own_epoch_is_set_and_counts_once(table: ParquetTable) -> None:
    whole = ids_of(table.batches(batch_rows=BATCH_ROWS, epoch=2))
    cursor = table.batches(batch_rows=BATCH_ROWS, epoch=2).cursor(ahead=5)
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS, epoch=2, cursor=cursor))
    dataset.set_epoch(2)
    assert ids_of(dataset) == whole[5:]
    assert ids_of(dataset) == whole
    dataset.set_epoch(3)
    assert ids_of(dataset) == ids_of(table.batches(batch_rows=BATCH_ROWS, epoch=3))


def test_workers_that_persist_hear_of_every_epoch(table: ParquetTable) -> None:
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS))
    loader = DataLoader(dataset, batch_size=None, num_workers=1, persistent_workers=True)
    for epoch in (0, 1, 5):
        dataset.set_epoch(epoch)
        assert ids_of(loader) == ids_of(table.batches(batch_rows=BATCH_ROWS, epoch=epoch))


def test_a_dataset_reaches_a_worker_that_is_spawned_as_it_is(table: ParquetTable) -> None:
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS))
    before = iter(dataset)
    taken = [next(before)["id"].tolist()]
    dataset.set_epoch(3)
    copy = pickle.loads(ForkingPickler.dumps(dataset))
    assert ids_of(copy) == ids_of(table.batches(batch_rows=BATCH_ROWS, epoch=3))
    assert taken + ids_of(before) == ids_of(table.batches(batch_rows=BATCH_ROWS))


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is an accelerator")
def test_pinned_memory_is_asked_for_in_vain_where_nothing_copies_from_it(table: ParquetTable) -> None:
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS), pin_memory=True)
    assert ids_of(dataset) == ids_of(table.batches(batch_rows=BATCH_ROWS))


def test_a_dataset_tells_what_its_newest_iteration_read(table: ParquetTable) -> None:
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS))
    assert dataset.stats() is None
    for epoch in range(2):
        dataset.set_epoch(epoch)
        ids_of(dataset)
    stats = dataset.stats()
    assert stats is not None
    assert (stats.epoch, stats.done, stats.rows) == (1, 1.0, ROWS)


def test_what_a_worker_reads_its_parent_does_not_know(table: ParquetTable) -> None:
    dataset = to_torch(table.batches(batch_rows=BATCH_ROWS))
    ids_of(DataLoader(dataset, batch_size=None, num_workers=1))
    assert dataset.stats() is None
