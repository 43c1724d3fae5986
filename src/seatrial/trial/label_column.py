"""What the label column holds, read before the model is opened: it tells the task, and names the classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.regression.error_metrics import suggested_clip
from seatrial.errors import InputError, field
from seatrial.models.signature import Task
from seatrial.rows import Rows
from seatrial.trial.positive_class import known_positive

MOST_CLASSES = 100  # whole numbers with more different values are measurements; texts with more are names or ids
NO_LABEL = ("", "nan")  # what stands in text columns and in NumPy's floats for a label that is not there


@dataclass(frozen=True, slots=True)
class Labels:
    """The column `name`: `values` are its different values as text, sorted, or None where there are too many."""

    name: str
    kind: Literal["text", "flag", "whole", "fraction"]
    values: tuple[str, ...] | None
    rows: int
    missing: int

    @property
    def task(self) -> Task | None:
        """What the values alone say; None where whole numbers may be classes as well as amounts."""
        if self.kind == "fraction":
            return "regression"
        if self.values is None:
            return "regression" if self.kind == "whole" else "multiclass"
        if len(self.values) <= 2:
            return "binary"
        return "multiclass" if self.kind == "text" else None

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The values where they look like classes."""
        return None if self.kind == "fraction" else self.values


def read_labels(rows: Rows, label: str, *, on_progress: Callable[[int], None] = lambda _done: None) -> Labels:
    """Reads the label column; `on_progress` hears how many rows are read. No column or no value: an `InputError`."""
    check_column(rows, label, "label")
    kind = rows.schema.field(label).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(kind) or pa.types.is_temporal(kind) or pa.types.is_binary(kind):
        raise InputError(
            f'the label column "{label}" holds {kind}, which is neither a class nor a number.',
            path=rows.origin,
            hint=f"Name another column: {field('label')}; or cast it.",
        )
    label_texts: set[str] = set()
    count = missing = 0
    fraction = many = False
    for table in rows.tables([label]):
        values = table.column(0)
        distinct = pc.unique(values).drop_null()
        if pa.types.is_dictionary(distinct.type):
            distinct = distinct.cast(kind)
        if pa.types.is_floating(kind) or (pa.types.is_decimal(kind) and kind.scale > 0):
            numbers = pc.add(distinct.cast(pa.float64()), 0.0)  # −0.0 + 0.0 is 0.0
            numbers = numbers.filter(pc.is_finite(numbers))
            fraction = fraction or bool(pc.any(pc.not_equal(numbers, pc.round(numbers))).as_py())
            distinct = numbers
        missing += int((~has_label(values)).sum())
        count += table.num_rows
        if not many and not fraction:
            label_texts.update(text for text in distinct.cast(pa.string()).to_pylist() if text is not None)
            label_texts.difference_update(NO_LABEL)
            many = len(label_texts) > MOST_CLASSES
        on_progress(count)
    if count == 0:
        raise InputError(
            "the table must have at least one row, got 0.", path=rows.origin, hint="Name a table that has some."
        )
    if count == missing:
        raise InputError(
            f'the label column "{label}" is empty: none of the {count:,} rows has a label.',
            path=rows.origin,
            hint=f"Name another column: {field('label')}. There is: {', '.join(rows.schema.names)}.",
        )
    different = None if many or fraction else tuple(sorted(label_texts, key=_order))
    return Labels(label, _kind(kind, fraction=fraction), different, count, missing)


def clip_from_labels(rows: Rows, label: str) -> float:
    """A largest error to begin a regression's policy with, from how far apart labels lie: see `suggested_clip`."""
    least, largest = math.inf, -math.inf
    for table in rows.tables([label]):
        values = table.column(0).cast(pa.float64())
        numbers = values.filter(pc.is_finite(values))
        if len(numbers):
            least, largest = min(least, pc.min(numbers).as_py()), max(largest, pc.max(numbers).as_py())
    return suggested_clip(least, largest)


def check_column(rows: Rows, name: str, asked_by: str) -> None:
    """`InputError`, naming the field that asks for it, where the rows have no such column."""
    try:
        rows.check_columns([name])
    except InputError as error:
        raise InputError(f"{field(asked_by, name)}: {error.problem}", path=rows.origin, hint=error.hint) from None


def has_label(values: pa.ChunkedArray[Any]) -> NDArray[np.bool_]:
    """Whether each row has one: null, NaN and "" are none."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    there: Any = pc.is_valid(values)
    if pa.types.is_floating(values.type):
        numbers: Any = pc.invert(pc.is_nan(values))
        there = pc.and_(there, numbers.fill_null(False))  # noqa: FBT003  # Arrow's own
    elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        texts: Any = pc.not_equal(values, pa.scalar("", values.type))
        there = pc.and_(there, texts.fill_null(False))  # noqa: FBT003
    labelled: NDArray[np.bool_] = there.to_numpy()
    return labelled


def likely_positive(classes: Sequence[str]) -> str | None:
    """Of two classes the one that their names tell, else the later one, as scikit-learn takes it; None of more.

    Whoever uses it says which one it was: for names that tell nothing it is a guess.
    """
    if len(classes) != 2:
        return None
    return known_positive(classes) or sorted(classes, key=_order)[-1]


def _kind(kind: pa.DataType, *, fraction: bool) -> Literal["text", "flag", "whole", "fraction"]:
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "fraction" if fraction else "whole"
    return "text"


def _order(text: str) -> tuple[bool, float, str]:
    """Numbers by size, texts after them."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text
