"""What a packaged model takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Column:
    """One raw input column. `number` enters as float64 with NaN for null, `text` as a string with "" for null."""

    name: str
    kind: Literal["number", "text"]


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs in the graph's order, the task, and for classifiers the classes in the order of the probabilities.

    A binary model answers `positive` when that class's probability is at least `threshold`.
    """

    inputs: tuple[Column, ...]
    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float | None = None
