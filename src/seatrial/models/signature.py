"""What a packaged model takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
Kind = Literal["number", "text", "integer", "boolean"]


@dataclass(frozen=True, slots=True)
class Column:
    """One raw input column.

    `number` enters as float64 with NaN for null, `text` as a string with "" for null. `integer` and `boolean` enter as
    float64 too, but must be there and whole: a model that takes integers has no place for a missing one.
    """

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs in the graph's order, the task, and for classifiers the classes in the order of the probabilities.

    A binary model answers `positive` when that class's probability is at least `threshold`. A classifier without
    `probabilities` only answers with labels (and has no threshold); a regression with an `interval` also answers with
    a lower and an upper value.
    """

    inputs: tuple[Column, ...]
    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float | None = None
    probabilities: bool = True  # of a classifier
    interval: bool = False  # of a regression


def output_names(signature: Signature) -> tuple[str, ...]:
    """The outputs of a package's graph, and of a response, in their order."""
    if signature.task == "regression":
        return ("value", "lower", "upper") if signature.interval else ("value",)
    return ("label", "probability") if signature.probabilities else ("label",)
