"""What a function returns as an array: frames, series and masked arrays say by name what an array says by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.models.frameworks.class_names import class_names


def in_order_of_rows(returned: Any, rows: Any) -> Any:
    """The answers; a series or frame of pandas whose index is that of `rows` in another order is put into theirs.

    Numbers that pandas gave by itself, as to `pd.Series(array)`, are places and no names. None where the index does not
    tell the order, for a value is in it twice.
    """
    index: Any = getattr(rows, "index", None)
    own: Any = getattr(returned, "index", None)
    if not (hasattr(index, "equals") and hasattr(own, "equals") and hasattr(returned, "reindex")):
        return returned
    if (
        _is_numbering(own)
        or len(own) != len(index)
        or own.equals(index)
        or not own.sort_values().equals(index.sort_values())
    ):
        return returned
    return returned.reindex(index) if index.is_unique else None


def to_array(returned: Any, classes: Sequence[str] = ()) -> NDArray[Any]:
    """The answers; columns that are named like all of `classes` come in the order of these.

    Masked values are NaN among numbers, and None otherwise.
    """
    if isinstance(returned, np.ma.MaskedArray):
        numeric = returned.dtype.kind in "fiu"
        values = np.ma.getdata(returned).astype(np.float64 if numeric else object)
        values[np.ma.getmaskarray(returned)] = np.nan if numeric else None
        return np.asarray(values)
    places = _places(returned, classes)
    answer = np.asarray(returned)
    return answer if places is None else answer[:, places]


def _places(returned: Any, classes: Sequence[str]) -> list[int] | None:
    """Where the column of each class stands; None where the columns have other names, or none."""
    columns = getattr(returned, "column_names", None) or getattr(returned, "columns", None)
    if columns is None or _is_numbering(columns) or len(columns) != len(classes):
        return None
    names = list(class_names(columns))
    return [names.index(name) for name in classes] if set(names) == set(classes) else None


def _is_numbering(labels: Any) -> bool:
    """Whether nobody named them: 0, 1, 2, …, which pandas gives where it gets none."""
    return type(labels).__name__ == "RangeIndex" and (labels.start, labels.step) == (0, 1)
