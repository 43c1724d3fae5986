"""Batches as tensors, for PyTorch's DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from seatrial.batches.reading.batch_work import Batch
from seatrial.batches.reading.reader import Batches
from seatrial.batches.telemetry.reader_stats import Stats

TensorBatch = dict[str, Any]  # tensors by name; text stays a NumPy array


@dataclass(slots=True)
class _Place:
    """Where the next iteration begins; and the reader of the newest one, which knows where that is."""

    epoch: int
    cursor: str | None  # None: from the beginning
    reader: Batches | None = None

    def state(self) -> dict[str, Any]:
        if self.reader is not None:
            return {"epoch": self.reader.epoch, "cursor": self.reader.cursor()}
        return {"epoch": self.epoch, "cursor": self.cursor}


class TorchBatches(IterableDataset[TensorBatch]):  # type: ignore[misc]  # torch is not read by mypy here
    """The batches of a table as dicts of tensors that share memory with the arrays (no copy).

    Give it to `DataLoader(dataset, batch_size=None, …)`: batches are made already, by threads. With workers the first
    one reads and the others stay idle, so that the order and the bytes on the wire are the same for any `num_workers`;
    one is enough to take the reading out of the training process. `set_epoch` before each epoch. `state_dict` and
    `load_state_dict` follow the protocol of torchdata's StatefulDataLoader. With `pin_memory` tensors lie in
    page-locked memory, from which an accelerator copies while it computes; in a worker they do not, where DataLoader's
    own `pin_memory` does it.
    """

    def __init__(self, batches: Batches, *, pin_memory: bool = False) -> None:
        super().__init__()
        self._batches = batches
        self._pin = pin_memory
        self._place = _Place(batches.epoch, batches.cursor())
        # The epoch that was set, and how often one was: in shared memory, for workers that outlive an epoch.
        self._told = torch.tensor([batches.epoch, 0]).share_memory_()
        self._heard = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch of the next iteration: from its beginning, unless that iteration goes on within this very epoch."""
        self._told[0] = epoch
        self._told[1] += 1
        self._hear()

    def __iter__(self) -> Iterator[TensorBatch]:
        worker = get_worker_info()
        if worker is not None and worker.id > 0:
            return iter(())
        self._hear()
        reader = self._batches.at(epoch=self._place.epoch, cursor=self._place.cursor)
        return _TensorIterator(reader, self._place, pin_memory=self._pin and worker is None and _can_pin())

    def __len__(self) -> int:
        """How many batches the next iteration gives."""
        return len(self._batches.at(epoch=self._place.epoch, cursor=self._place.cursor))

    def stats(self) -> Stats | None:
        """What the newest iteration has read, as `Batches.stats`; None before one, and where a worker reads."""
        return None if self._place.reader is None else self._place.reader.stats()

    def state_dict(self) -> dict[str, Any]:
        """Where the iteration under way is, or the next one begins."""
        return self._place.state()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begins the next iteration there."""
        self._place = _Place(int(state["epoch"]), state["cursor"])

    def _hear(self) -> None:
        epoch, times = self._told.tolist()
        if times != self._heard and epoch != self._place.epoch:
            self._place = _Place(epoch, None)
        self._heard = times


class _TensorIterator(Iterator[TensorBatch]):
    """One iteration; whoever drops it ends its threads."""

    def __init__(self, reader: Batches, place: _Place, *, pin_memory: bool) -> None:
        self._reader = place.reader = reader
        self._place = place
        self._pin = pin_memory
        if not len(reader):  # a state of an epoch's end: what is asked for next is a whole one
            place.cursor = None

    def __next__(self) -> TensorBatch:
        try:
            batch = next(self._reader)
        except StopIteration:
            self._place.cursor = None  # it counts for one iteration
            raise
        return tensors(batch, pin_memory=self._pin)

    def __del__(self) -> None:
        self._reader.close()  # the dataset keeps it, for its state

    def state_dict(self) -> dict[str, Any]:
        """After the batch that was given last."""
        return {"epoch": self._reader.epoch, "cursor": self._reader.cursor()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        self._reader.close()
        self._reader = self._place.reader = self._reader.at(epoch=int(state["epoch"]), cursor=state["cursor"])


def _can_pin() -> bool:
    """Nothing copies from pinned memory where there is no accelerator, and PyTorch refuses to make it."""
    return bool(torch.accelerator.is_available())


def to_torch(batches: Batches, *, pin_memory: bool = False) -> TorchBatches:
    """The batches as a `torch.utils.data.IterableDataset` of dicts of tensors; see `TorchBatches`."""
    return TorchBatches(batches, pin_memory=pin_memory)


def tensors(batch: Batch, *, pin_memory: bool = False) -> TensorBatch:
    """The arrays as tensors without a copy; text, which torch does not know, stays as it is, dates become int64."""
    tensor_batch: TensorBatch = {}
    for name, array in batch.items():
        if array.dtype.kind in "fiub":
            tensor = torch.from_numpy(array)
        elif array.dtype.kind == "M":
            tensor = torch.from_numpy(array.view("int64"))
        else:
            tensor_batch[name] = array
            continue
        tensor_batch[name] = tensor.pin_memory() if pin_memory else tensor
    return tensor_batch
