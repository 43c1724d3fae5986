"""What an epoch takes in memory, before anything is read: from the sizes in the footers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.batches.columns.array_outputs import Output, packed_rows
from seatrial.batches.columns.buffers import STEP_BYTES
from seatrial.batches.files.manifest import Manifest
from seatrial.batches.files.window_layout import GAP_BYTES
from seatrial.batches.plan.epoch_plan import Epoch, epoch_of
from seatrial.errors import InputError

ORDER_BYTES = 8  # of a row: its position
QUEUE_SHARE = 8  # of the budget one part is for batches that wait
QUEUE_BYTES = 8 * 2**20  # and at most that, or two batches: what the cache holds, and used again soon
QUEUE_BATCHES = 2


@dataclass(frozen=True, slots=True)
class Memory:
    """How the budget is used."""

    windows_bytes: int  # what is fetched and decoded at once
    window_bytes: int  # of that the largest window takes so much
    queue_bytes: int  # batches that are being made or wait for the caller
    batch_bytes: int  # one of them, about
    decoded_bytes: tuple[int, ...]  # by window, beside its buffer: text and lists, the order, what decoding takes


def memory_of(
    epoch: Epoch, manifest: Manifest, live: NDArray[np.int64], outputs: Sequence[Output], plain: frozenset[str],
    *, makers: int, path: str,
) -> Memory:  # fmt: skip
    """The budget's use; `InputError` naming what is needed when one window does not fit.

    `plain` are the packed columns that are gathered from where they were received.
    """
    plan = epoch.plan
    window, decoded = _windows(epoch, manifest, live, outputs, plain, makers)
    batch_bytes = _batch_bytes(epoch, manifest, live, outputs)
    budget = plan.memory_mib * 2**20
    least = window + QUEUE_BATCHES * batch_bytes
    if least > budget:
        needed = math.ceil(least / 2**20)
        smaller = plan.window_mib // 2
        while smaller and QUEUE_BATCHES * batch_bytes + _windows(
            epoch_of(live, manifest.size_bytes, epoch.order_key, replace(plan, window_mib=smaller)),
            manifest, live, outputs, plain, makers,
        )[0] > budget:  # fmt: skip
            smaller //= 2
        instead = f" or for window_mib={smaller}, which mixes fewer rows at a time," if smaller else ""
        raise InputError(
            f"one shuffle window and {QUEUE_BATCHES} batches of these columns take {needed} MiB, and memory_mib is"
            f" {plan.memory_mib}.",
            path=path,
            hint=f"Ask for memory_mib={needed},{instead} or for fewer columns; or write smaller row groups.",
        )
    queue = max(QUEUE_BATCHES * batch_bytes, min(budget // QUEUE_SHARE, QUEUE_BYTES))
    queue = min(queue, budget - window)
    return Memory(budget - queue, window, queue, batch_bytes, tuple(np.ceil(decoded).astype(np.int64).tolist()))


def _windows(
    epoch: Epoch, manifest: Manifest, live: NDArray[np.int64], outputs: Sequence[Output], plain: frozenset[str],
    makers: int,
) -> tuple[int, NDArray[np.float64]]:  # fmt: skip
    """What the largest window takes, and of each window what is not in its buffer."""
    buffered = np.full(epoch.windows, float(STEP_BYTES + GAP_BYTES))
    decoded = np.zeros(epoch.windows)
    for name in dict.fromkeys(field.name for output in outputs for field in output.fields):
        if name in manifest.column_bytes:
            buffered += _by_window(epoch, manifest.column_bytes[name])
    groups = np.diff(epoch.bounds)
    for row_bytes in packed_rows(outputs).values():
        buffered += groups * row_bytes  # each of these chunks begins at a row
    at_once = np.minimum(groups, makers + 1)  # the caller may decode, too
    for output in outputs:
        held = _held(output, manifest, live)
        if output.fields[0].name in plain:
            buffered += _by_window(epoch, float(ORDER_BYTES) * live)
            continue
        if output.dtype is not None:
            buffered += _by_window(epoch, held)
        else:
            decoded += _by_window(epoch, held)
        decoded += at_once * _largest(epoch, held)  # as Arrow, while it is decoded
    decoded += _by_window(epoch, float(ORDER_BYTES) * live)
    return math.ceil(float((buffered + decoded).max(initial=0.0))), decoded


def _batch_bytes(epoch: Epoch, manifest: Manifest, live: NDArray[np.int64], outputs: Sequence[Output]) -> int:
    """What a batch takes, about."""
    rows_all = max(epoch.rows, 1)
    row_bytes = sum(float(_held(output, manifest, live).sum()) for output in outputs) / rows_all
    return math.ceil(min(-(-epoch.plan.batch_rows // epoch.plan.world), rows_all) * row_bytes)


def _held(output: Output, manifest: Manifest, live: NDArray[np.int64]) -> NDArray[np.float64]:
    """What an output takes of each row group, once decoded."""
    encoded = np.zeros(len(live), np.float64)
    for field in output.fields:
        encoded += manifest.column_bytes.get(field.name, 0.0)
    return output.held_bytes(live.astype(np.float64), encoded)


def _by_window(epoch: Epoch, by_group: NDArray[Any]) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.concatenate([[0.0], np.cumsum(by_group[epoch.groups])])
    held: NDArray[np.float64] = sums[epoch.bounds[1:]] - sums[epoch.bounds[:-1]]
    return held


def _largest(epoch: Epoch, by_group: NDArray[np.float64]) -> NDArray[np.float64]:
    if not epoch.windows:
        return np.zeros(0)
    largest: NDArray[np.float64] = np.maximum.reduceat(by_group[epoch.groups], epoch.bounds[:-1])
    return largest
