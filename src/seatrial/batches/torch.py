"""Batches as tensors, for PyTorch's DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from seatrial.batches.epoch import Batch
from seatrial.batches.reader import Batches
from seatrial.batches.stats import Stats

TensorBatch = dict[str, Any]  # tensors by name; text stays a NumPy array


class TorchBatches(IterableDataset[TensorBatch]):  # type: ignore[misc]  # torch is not read by mypy here
    """The batches of a table as dicts of tensors that share memory with the arrays (no copy).

    Give it to `DataLoader(dataset, batch_size=None, …)`: batches are made already, by threads. With workers the first
    one reads and the others stay idle, so that the order and the bytes on the wire are the same for any `num_workers`;
    one is enough to take the reading out of the training process. `set_epoch` before each epoch. `state_dict` and
    `load_state_dict` follow the protocol of torchdata's StatefulDataLoader. With `pin_memory` tensors lie in
    page-locked memory, from which a GPU copies while it computes.
    """

    def __init__(self, batches: Batches, *, pin_memory: bool = False) -> None:
        super().__init__()
        self._batches = batches
        self._epoch = batches.epoch
        self._cursor: str | None = batches.cursor()
        self._pin = pin_memory
        self._running: _Running | None = None

    def set_epoch(self, epoch: int) -> None:
        """The epoch of the next iteration, from its beginning."""
        self._epoch, self._cursor = epoch, None

    def __iter__(self) -> Iterator[TensorBatch]:
        worker = get_worker_info()
        if worker is not None and worker.id > 0:
            return iter(())
        self._running = _Running(self._batches.at(epoch=self._epoch, cursor=self._cursor), pin_memory=self._pin)
        return self._running

    def __len__(self) -> int:
        """How many batches the next iteration gives."""
        return len(self._batches.at(epoch=self._epoch, cursor=self._cursor))

    def stats(self) -> Stats | None:
        """What the newest iteration has read, as `Batches.stats`; None before one, and where a worker reads."""
        return None if self._running is None else self._running.stats()

    def state_dict(self) -> dict[str, Any]:
        """Where the iteration under way is, or the next one begins."""
        if self._running is not None:
            return self._running.state_dict()
        return {"epoch": self._epoch, "cursor": self._cursor}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begins the next iteration there."""
        self._epoch, self._cursor = int(state["epoch"]), state["cursor"]
        self._running = None


class _Running(Iterator[TensorBatch]):
    """One iteration; whoever drops it ends its threads."""

    def __init__(self, batches: Batches, *, pin_memory: bool) -> None:
        self._batches = batches
        self._pin = pin_memory

    def __next__(self) -> TensorBatch:
        return tensors(next(self._batches), pin_memory=self._pin)

    def stats(self) -> Stats:
        """What was read."""
        return self._batches.stats()

    def state_dict(self) -> dict[str, Any]:
        """After the batch that was given last."""
        return {"epoch": self._batches.epoch, "cursor": self._batches.cursor()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        self._batches.close()
        self._batches = self._batches.at(epoch=int(state["epoch"]), cursor=state["cursor"])


def to_torch(batches: Batches, *, pin_memory: bool = False) -> TorchBatches:
    """The batches as a `torch.utils.data.IterableDataset` of dicts of tensors; see `TorchBatches`."""
    return TorchBatches(batches, pin_memory=pin_memory)


def tensors(batch: Batch, *, pin_memory: bool = False) -> TensorBatch:
    """The arrays as tensors without a copy; text, which torch does not know, stays as it is, dates become int64."""
    made: TensorBatch = {}
    for name, array in batch.items():
        if array.dtype.kind in "fiub":
            tensor = torch.from_numpy(array)
        elif array.dtype.kind == "M":
            tensor = torch.from_numpy(array.view("int64"))
        else:
            made[name] = array
            continue
        made[name] = tensor.pin_memory() if pin_memory else tensor
    return made
