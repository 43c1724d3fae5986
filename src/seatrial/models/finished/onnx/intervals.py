"""Which of three numbers is the predicted value, and which are the bounds around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError

_LOWER, _UPPER = ("low", "min"), ("upp", "high", "max")


@dataclass(frozen=True, slots=True)
class Interval:
    """Predicted, lower, upper: three tensors, or one and three of its columns."""

    tensors: tuple[str, ...]
    columns: tuple[int, ...]
    note: str


def find_interval(numbers: Mapping[str, NDArray[Any]], *, real: bool, path: str) -> Interval:
    """By the names of three outputs, else by which one lies between the others on every row."""
    names = list(numbers)
    values = np.concatenate([numbers[name] for name in names], axis=1).astype(np.float64)
    if len(names) == 3:
        lower = [name for name in names if any(word in name.lower() for word in _LOWER)]
        upper = [name for name in names if any(word in name.lower() for word in _UPPER)]
        if len(lower) == len(upper) == 1 and lower != upper:
            middle = next(name for name in names if name not in (*lower, *upper))
            return _interval(names, [names.index(name) for name in (middle, *lower, *upper)], "as they are named")
    order = _ordered(values) if real else None
    if order is None or len(names) == 2:
        raise InputError(
            f"the model gives three numbers a row ({', '.join(names)}), and which of them are the bounds of the third "
            "cannot be told.",
            path=path,
            hint='Export it with three outputs, named "predicted", "lower" and "upper".',
        )
    return _interval(names, order, "as they lie on every row that was asked for")


def _ordered(values: NDArray[np.float64]) -> list[int] | None:
    means = values.mean(axis=0)
    lower, middle, upper = (int(place) for place in np.argsort(means, kind="stable"))
    apart = means[lower] < means[middle] < means[upper]
    nested = (values[:, lower] <= values[:, middle]) & (values[:, middle] <= values[:, upper])
    return [middle, lower, upper] if apart and nested.all() else None


def _interval(names: list[str], order: list[int], because: str) -> Interval:
    tensors = tuple(names) if len(names) == 1 else tuple(names[place] for place in order)
    columns = tuple(order) if len(names) == 1 else ()
    which = (
        f'columns {", ".join(map(str, order))} of output "{names[0]}"' if columns else f"outputs {', '.join(tensors)}"
    )
    return Interval(tensors, columns, f"interval: {which} are the value, its lower and its upper bound, {because}")
