"""A request as columns of NumPy: what every format is read into, and what the model is asked with."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pydantic_core
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Kind, Signature

Columns = Mapping[str, NDArray[Any]]  # by name: float64[n], NaN for a missing value, or object[n] of str

EXPECTED: Mapping[Kind, str] = {
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "text": "a text",
}
_SHOWN = 40  # characters of a value that is refused
ROWS_LIMIT = 100_000  # of one request: the model's only thread answers it in one go
NAME_CHARACTERS = 100  # of a name that is refused
_NAMES = 20  # in a hint
_NONE = type(None)
NUMBERS: frozenset[type] = frozenset({int, float, _NONE})
MAY_BE_MISSING: frozenset[Kind] = frozenset({"number", "text"})


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of an answer, its media type, and headers of its own."""

    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Rows to answer for, and how their answers are written."""

    columns: Columns
    rows: int
    reply: Callable[[Predictions], Reply]
    request_id: str = ""  # where rows are sampled


class TooManyRows(InputError):
    """The request has more rows than one may have."""


class Unanswered(InputError):
    """The request is well-formed, but the model gives NaN for one of its rows."""


def checked_rows(question: Question) -> Question:
    """The question, unless it has so many rows that everybody else would wait for their answers."""
    if question.rows > ROWS_LIMIT:
        raise TooManyRows(
            f"the request has {question.rows} rows, the limit is {ROWS_LIMIT}.", hint="Send fewer rows a request."
        )
    return question


def load_json(body: bytes, *, what: str = "the body") -> Any:
    """The value in `body`; integers stay exact. NaN and Infinity are not JSON."""
    try:
        return pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InputError(
            f"{what} is not JSON: {error}.", hint="Send one JSON document in UTF-8; a missing number is null."
        ) from None


def dump_json(document: object) -> bytes:
    """A document as JSON in UTF-8; NaN and infinities, for which JSON has no word, are null."""
    return pydantic_core.to_json(document, inf_nan_mode="null")


def numbers_column(values: Sequence[Any], path: Callable[[int], str], *, expected: str) -> NDArray[np.float64]:
    """Numbers or null as float64[n]; the first value that is something else is an `InputError`."""
    kinds = set(map(type, values))
    if not kinds <= NUMBERS:
        _refuse(values, NUMBERS, path, expected)
    if _NONE in kinds:
        values = [math.nan if value is None else value for value in values]
    try:
        return np.array(values, np.float64)
    except OverflowError:
        place = next(place for place, value in enumerate(values) if not _fits(value))
        raise InputError(f"the number is too large for {expected}.", path=path(place)) from None


def texts_column(values: Sequence[Any], path: Callable[[int], str], *, expected: str) -> NDArray[np.object_]:
    """Texts or null as object[n]; null is the empty text, as in every codec."""
    kinds = set(map(type, values))
    if not kinds <= {str, _NONE}:
        _refuse(values, {str, _NONE}, path, expected)
    if _NONE in kinds:
        values = ["" if value is None else value for value in values]
    return np.array(values, object)


def booleans_column(values: Sequence[Any], path: Callable[[int], str], *, expected: str) -> NDArray[np.float64]:
    """Truths or null as float64[n]: 1, 0, NaN."""
    kinds = set(map(type, values))
    if not kinds <= {bool, _NONE}:
        _refuse(values, {bool, _NONE}, path, expected)
    return np.array([math.nan if value is None else value for value in values], np.float64)


def check_answered(predictions: Predictions, columns: Columns, signature: Signature) -> None:
    """`Unanswered` where the model gives NaN for a row, naming the inputs that have no value there."""
    gone = predictions.unanswered
    if not gone.any():
        return
    row = int(gone.argmax())
    missing = without_value(columns, signature, row)
    has = "has" if len(missing) == 1 else "have"
    raise Unanswered(
        f"the model does not answer row {row}"
        + (f", where {', '.join(map(repr, missing))} {has} no value." if missing else ": its numbers are NaN."),
        hint="Send a value, filled as it was filled when the model was trained, or leave the row out.",
    )


def without_value(columns: Columns, signature: Signature, row: int) -> tuple[str, ...]:
    """The inputs that are missing in this row."""
    return tuple(
        column.name
        for column in signature.inputs
        if (columns[column.name][row] == "" if column.kind == "text" else math.isnan(columns[column.name][row]))
    )


def unknown_name(what: str, name: str, names: Sequence[str], *, path: str) -> InputError:
    """The error of a name that the model does not have."""
    # difflib takes seconds for long names.
    close = difflib.get_close_matches(name, names, n=1) if len(name) <= NAME_CHARACTERS else []
    return InputError(
        f"the model does not have an {what} {shown_name(name)}.",
        path=path,
        hint=f"Did you mean {close[0]!r}?" if close else f"The {what}s are: {some_names(names)}.",
    )


def shown_name(name: str) -> str:
    """A name of a request for an error message: its first characters."""
    return repr(name if len(name) <= NAME_CHARACTERS else name[:NAME_CHARACTERS] + "…")


def some_names(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def shown(value: object) -> str:
    """A value of a request for an error message: its first characters, and its kind."""
    kind = {bool: "a boolean", str: "a text", list: "a list", dict: "an object", _NONE: "null"}.get(
        type(value), "a number"
    )
    if isinstance(value, list | dict) or value is None or (isinstance(value, int) and value.bit_length() > _SHOWN * 3):
        return kind  # Python writes no integer of more than 4,300 digits
    text = repr(value) if isinstance(value, str) else str(value)
    return f"{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'} ({kind})"


def null_hint(column: Column) -> str:
    """What to send where there is no value."""
    return "null is a missing value" if column.kind in MAY_BE_MISSING else "the model has no place for a missing one"


def _refuse(
    values: Sequence[Any], allowed: frozenset[type] | set[type], path: Callable[[int], str], expected: str
) -> NoReturn:
    place, value = next((place, value) for place, value in enumerate(values) if type(value) not in allowed)
    raise InputError(f"expected {expected}, got {shown(value)}.", path=path(place))


def _fits(value: float) -> bool:
    try:
        return float(value) is not None
    except OverflowError:
        return False
