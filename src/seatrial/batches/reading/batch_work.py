"""The work of one epoch for one rank: windows to fetch and decode, batches to gather; who does it is the pipeline's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.batches.columns.array_outputs import Output, packed_rows
from seatrial.batches.columns.row_shapes import RowShapes
from seatrial.batches.files.window_layout import Files, Layout
from seatrial.batches.plan.epoch_plan import Epoch
from seatrial.batches.plan.permutation import stripe
from seatrial.batches.reading.window import Keep, Window, window_bytes
from seatrial.batches.wire.wire import Wire

Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a batch that lie in one window: positions among its mixed rows."""

    window: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do from row `delivered` of the epoch's order on."""

    epoch: Epoch
    delivered: int
    files: Files
    live: NDArray[np.int64]  # rows of each row group that were not deleted
    keep: Keep
    outputs: tuple[Output, ...]
    wire: Wire
    path: str
    shapes: RowShapes = field(default_factory=RowShapes)

    @property
    def batches(self) -> int:
        """How many are still to come."""
        return -(-(self.epoch.rows - self.delivered) // self.epoch.plan.batch_rows)

    @property
    def first_window(self) -> int:
        """Where the rows left begin."""
        return self.epoch.window_of(self.delivered)

    def layout(self, window: int) -> Layout:
        """What has to be fetched for a window."""
        members = self.epoch.members(window)
        names = list(dict.fromkeys(field.name for output in self.outputs for field in output.fields))
        packed = packed_rows(self.outputs)
        return self.files.layout(members.tolist(), self.live[members].tolist(), names, packed)

    def buffer_bytes(self, window: int, layout: Layout) -> int:
        """Of the buffer that a window needs."""
        return window_bytes(layout, int(self.epoch.starts[window + 1] - self.epoch.starts[window]), self.outputs)

    def open(self, window: int, layout: Layout, buffer: NDArray[np.uint8]) -> Window:
        """The window, to be decoded from its buffer."""
        rows = int(self.epoch.starts[window + 1] - self.epoch.starts[window])
        return Window(layout, rows, self.outputs, self.keep, buffer, self.shapes, self.path)

    def batch_of(self, row: int) -> tuple[int, int, int]:
        """The batch that this row of the epoch's order is in, over all ranks, and its first row and last row + 1."""
        batch = (row - self.delivered) // self.epoch.plan.batch_rows
        start = self.delivered + batch * self.epoch.plan.batch_rows
        return batch, start, min(start + self.epoch.plan.batch_rows, self.epoch.rows)

    def parts(self, start: int, stop: int) -> list[Part]:
        """Where those of the rows start … stop, all of one batch, that are this rank's lie; an empty part for none."""
        plan, starts = self.epoch.plan, self.epoch.starts
        _, begin, end = self.batch_of(start)
        first, last = stripe(begin, end, rank=plan.rank, world=plan.world)
        first = min(max(first, start), stop)
        last = max(min(last, stop), first)
        window = self.epoch.window_of(min(first, stop - 1))
        parts = []
        while True:
            begin, end = int(starts[window]), int(starts[window + 1])
            parts.append(Part(window, first - begin, min(last, end) - begin))
            if last <= end:
                return parts
            first, window = end, window + 1


def gather(parts: Sequence[Part], windows: Mapping[int, tuple[Window, NDArray[np.int64]]]) -> Batch:
    """The rows of these parts as one batch; each window comes with the order of its rows."""
    pieces = []
    for part in parts:
        window, mixed = windows[part.window]
        pieces.append(window.take(mixed[part.first : part.last]))
    return joined(pieces)


def joined(pieces: Sequence[Batch]) -> Batch:
    """Pieces of a batch, in order, as one."""
    if len(pieces) == 1:
        return pieces[0]
    whole = [piece for piece in pieces if len(next(iter(piece.values()), ()))] or list(pieces[:1])
    return {name: np.concatenate([piece[name] for piece in whole]) for name in whole[0]}
