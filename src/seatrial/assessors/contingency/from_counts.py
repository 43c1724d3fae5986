"""What was counted, in whichever engine, under the names that groups and classes have everywhere in a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import MOST_SPELLINGS, class_codes
from seatrial.assessors.contingency.count_tables import Counting, bins_of, part_name
from seatrial.assessors.contingency.group_specs import MISSING, Part, quoted_list, texts
from seatrial.errors import InputError
from seatrial.verdicts.contingency import ANSWER, HEAVIEST, LABEL, ROWS, SQUARES, WEIGHTS, Cells, WeightSums, group_key
from seatrial.verdicts.error_sums import CLIPPED, POWERS, ErrorSums, power_column

_LEAST_SQUARE = 1e-200  # of a weight: less loses digits


def cells_of(counted: pa.Table, counting: Counting, *, classes: Sequence[str] | None = None) -> Cells:
    """The cells that were counted, by the names that groups and classes have everywhere in a trial.

    `classes` are the model's, in its order; without them the labels and answers that occur, in theirs. Raises
    `InputError` for rows without a label or an answer, and for those that are none of the classes.
    """
    rows = _integers(counted.column(ROWS))
    for column, name in ((LABEL, counting.label), (ANSWER, counting.answer)):
        _refuse_missing(counted.column(column), rows, name)
    class_names = tuple(classes) if classes is not None else _classes(counted)
    actual, strange = class_codes(counted.column(LABEL), class_names)
    answered, strange_answers = class_codes(counted.column(ANSWER), class_names)
    for unknown, name in ((strange, counting.label), (strange_answers, counting.answer)):
        if unknown:
            raise InputError(
                f"Values that are none of the classes: {quoted_list(unknown)}.",
                path=name,
                hint=f"The classes are {quoted_list(class_names)}.",
            )
    values, places, codes = _merged(counted, counting, [actual, answered])

    def summed(column: str) -> NDArray[np.float64]:
        weights = np.asarray(counted.column(column).to_numpy(), dtype=np.float64)
        return np.bincount(places, weights=weights, minlength=len(codes)).astype(np.float64)

    total = np.zeros(len(codes), dtype=np.int64)
    np.add.at(total, places, rows)
    weighing = None
    if counting.weight is not None:
        weighing = WeightSums(summed(WEIGHTS), summed(SQUARES), float(pc.max(counted.column(HEAVIEST)).as_py()))
        if not (weighing.squares >= _LEAST_SQUARE).all() or not np.isfinite(weighing.squares).all():
            raise InputError(
                "The squares of the weights are too large or too small for their sums.",
                path=counting.weight,
                hint="Divide the weights by their mean: only how they compare with each other counts.",
            )
    columns = tuple(part_name(part) for part in counting.parts)
    return Cells(columns, values, class_names, codes[:, :-2], codes[:, -2], codes[:, -1], total, weighing)


def errors_of(counted: pa.Table, counting: Counting) -> ErrorSums:
    """The sums of errors that were counted. Raises `InputError` where a sum is no number."""
    values, places, codes = _merged(counted, counting, [])

    def summed(column: str) -> NDArray[np.float64]:
        weights = np.asarray(pc.cast(counted.column(column), pa.float64()).to_numpy(), dtype=np.float64)
        return np.bincount(places, weights=weights, minlength=len(codes)).astype(np.float64)

    sums = {each: summed(power_column(*each)) for each in POWERS}
    if not all(np.isfinite(each).all() for each in sums.values()):
        raise InputError(
            "Some errors are not numbers, or too large for their sums.",
            path=f"{counting.label}, {counting.answer}",
            hint="Leave rows without a label or an answer out of the table; state the largest error that counts, clip.",
        )
    rows, clipped = (summed(column).round().astype(np.int64) for column in (ROWS, CLIPPED))
    columns = tuple(part_name(part) for part in counting.parts)
    return ErrorSums(columns, values, codes, rows, clipped, sums, counting.clip)


def _merged(
    counted: pa.Table, counting: Counting, more: Sequence[NDArray[np.int64]]
) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.int64], NDArray[np.int64]]:
    """The groups of each part; of each counted row its cell; and the codes of the cells, `more` of them at the end.

    Values that are written differently may mean the same: 1 and true, null and "".
    """
    by_part = [_named(counted.column(group_key(place)), part) for place, part in enumerate(counting.parts)]
    each = [*(codes for _, codes in by_part), *more]
    if not each:
        return (), np.zeros(counted.num_rows, dtype=np.int64), np.zeros((1, 0), dtype=np.int64)
    codes, places = np.unique(np.column_stack(each), axis=0, return_inverse=True)
    return tuple(names for names, _ in by_part), places.reshape(-1), codes


def _named(values: pa.ChunkedArray[Any], part: Part) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The groups of a part in their order, and each counted row's."""
    text = texts(values)
    if part.edges:
        whole = set(map(str, pc.unique(text).to_pylist())) <= set(bins_of(part, whole=True))
        names = bins_of(part, whole=whole)
    else:
        names = sorted(map(str, pc.unique(text).to_pylist()), key=lambda name: (name == MISSING, name))
    places: Any = pc.index_in(text, value_set=pa.array(names, pa.string()))
    return tuple(names), np.asarray(places.to_numpy(), dtype=np.int64)


def _classes(counted: pa.Table) -> tuple[str, ...]:
    """The classes of the labels, and after them those that only the answers have."""
    classes: tuple[str, ...] = ()
    for column in (LABEL, ANSWER):
        _, strange = class_codes(counted.column(column), classes)
        classes = (*classes, *sorted(strange, key=_in_order))
    if len(classes) > MOST_SPELLINGS:
        raise InputError(
            f"More than {MOST_SPELLINGS:,} different labels and answers.",
            path=LABEL,
            hint='Numbers are no classes: task="regression".',
        )
    return classes


def _in_order(text: str) -> tuple[float, str]:
    """Numbers by their size, and texts after them."""
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _refuse_missing(values: pa.ChunkedArray[Any], rows: NDArray[np.int64], name: str) -> None:
    missing = np.array([text == MISSING for text in texts(values).to_pylist()], dtype=bool)
    if missing.any():
        raise InputError(
            f"{int(rows[missing].sum()):,} of {int(rows.sum()):,} rows lack a value.",
            path=name,
            hint="Leave rows without a label or an answer out of the table.",
        )


def _integers(values: pa.ChunkedArray[Any]) -> NDArray[np.int64]:
    return np.asarray(pc.cast(values, pa.int64()).to_numpy(), dtype=np.int64)
