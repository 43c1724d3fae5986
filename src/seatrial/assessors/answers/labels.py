"""What stands in a table as truth and weight, as columns of numbers; values that cannot be meant are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.contingency.group_specs import quoted_list
from seatrial.errors import InputError

MOST_SPELLINGS = 1000  # different labels that are read one by one; a column with more holds no classes
_TRUTHS = {"true": 1.0, "false": 0.0}


def class_codes(
    values: pa.ChunkedArray[Any] | pa.Array[Any], classes: Sequence[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """The class of each value, −1 where it is none, and the values that are none.

    A value is the class that is written like it. If some are written like none, all are taken by what they mean: 1,
    1.0, true and True are the same; but only where no two classes mean the same.
    """
    encoded = dictionary(values)
    spelled: Any = pc.cast(encoded.dictionary, pa.string())
    indices = encoded.indices.fill_null(len(spelled))  # null points behind the last
    used = [int(index) for index in np.unique(indices.to_numpy()) if index < len(spelled)]
    codes = _places(spelled, classes)
    strange = [str(spelled[index]) for index in used[: MOST_SPELLINGS + 1] if codes[index] < 0]
    meanings = [meaning(name) for name in classes]
    if strange and len(strange) <= MOST_SPELLINGS and len(set(meanings)) == len(classes):
        code_of = {name: code for code, name in enumerate(meanings)}
        by_meaning = np.array([code_of.get(meaning(str(text)), -1) for text in spelled.to_pylist()], dtype=np.int64)
        if all(by_meaning[index] >= 0 for index in used):
            codes, strange = by_meaning, []
    return np.append(codes, -1)[indices.to_numpy()], strange


def class_code(name: str, classes: Sequence[str]) -> int | None:
    """The class that a person means by `name`, or None."""
    (code,), _ = class_codes(pa.array([name]), classes)
    return None if code < 0 else int(code)


def meaning(text: str) -> str:
    """One spelling of a number or truth value; other texts mean themselves.

    >>> meaning("True") == meaning("1") == meaning("1.0"), meaning("-0") == meaning("0")
    (True, True)
    """
    if text.lower() in _TRUTHS:
        return repr(_TRUTHS[text.lower()])
    try:
        return repr(float(text) + 0.0) if any(map(str.isdigit, text)) else text  # −0.0 + 0.0 is 0.0
    except ValueError:
        return text


def actual_classes(table: pa.Table, column: str, classes: Sequence[str], *, path: str) -> NDArray[np.int64]:
    """The class of each row's label. Raises `InputError` for labels that are missing or of no class."""
    labels = table.column(column)
    _refuse_missing(labels, path)
    if pa.types.is_nested(labels.type):
        raise InputError(
            f"The labels are {labels.type}.", path=path, hint="A label is a text, a number or a truth value."
        )
    codes, strange = class_codes(labels, classes)
    if strange:
        raise InputError(
            f"Labels that are none of the model's classes: {quoted_list(strange)}.",
            path=path,
            hint=f"The model's classes are {quoted_list(classes)}.",
        )
    return codes


def actual_values(table: pa.Table, column: str, *, path: str) -> NDArray[np.float64]:
    """Each row's label as a number. Raises `InputError` for labels that are missing or no finite numbers."""
    labels = table.column(column)
    if not _is_number(labels.type):
        raise InputError(
            f"The labels are {labels.type}, and a regression needs numbers.",
            path=path,
            hint="Name another label, or another task.",
        )
    _refuse_missing(labels, path)
    values = np.asarray(pc.cast(labels, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    sound = np.isfinite(values)
    if not sound.all():
        row = int(np.argmin(sound))
        raise InputError(
            f"{int((~sound).sum())} of {len(values)} labels are not numbers, first {values[row]} at row {row}.",
            path=path,
            hint="Leave rows without a label out of the table.",
        )
    return values


def weights_of(table: pa.Table, column: str, *, path: str) -> NDArray[np.float64]:
    """How many people each row stands for. Raises `InputError` for weights that are not positive numbers."""
    weights = table.column(column)
    if not _is_number(weights.type):
        raise InputError(f'The weights in "{column}" are {weights.type}.', path=path, hint="Weights are numbers.")
    values = np.asarray(pc.cast(weights, pa.float64(), safe=False).to_numpy(), dtype=np.float64)  # null becomes NaN
    sound = (values > 0) & np.isfinite(values)
    if not sound.all():
        row = int(np.argmin(sound))
        raise InputError(
            f"{int((~sound).sum())} of {len(values)} weights are not positive numbers, "
            f"first {weights[row].as_py()} at row {row}.",
            path=path,
            hint="A weight is how many people a row stands for; leave out rows that stand for nobody.",
        )
    return values


def _refuse_missing(labels: pa.ChunkedArray[Any], path: str) -> None:
    if labels.null_count:
        raise InputError(
            f"{labels.null_count} of {len(labels)} rows lack a label.",
            path=path,
            hint="Leave rows without a label out of the table.",
        )


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def dictionary(values: pa.ChunkedArray[Any] | pa.Array[Any]) -> pa.DictionaryArray[Any, Any]:
    """The values as codes of the different ones: whatever is done with texts is done once for each of these."""
    whole: Any = values
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.unify_dictionaries().combine_chunks() if whole.num_chunks else pa.array([], whole.type)
    if pa.types.is_float16(whole.type):  # of which Arrow can count none
        whole = whole.cast(pa.float32())
    encoded: pa.DictionaryArray[Any, Any] = (
        whole if isinstance(whole, pa.DictionaryArray) else whole.dictionary_encode()
    )
    return encoded


def _places(spelled: Any, classes: Sequence[str]) -> NDArray[np.int64]:
    places: Any = pc.index_in(spelled, value_set=pa.array(list(classes), pa.string()))
    return np.asarray(places.fill_null(-1).to_numpy(), dtype=np.int64)
