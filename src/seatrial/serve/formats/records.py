"""Rows as people write them, JSON objects or CSV, and their answers in kind: what `POST /predict` and `/score` take.

The answers have the names that `seatrial predict` gives them: `predicted`, `probability=CLASS`, `lower`, `upper`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.formats.request_columns import (
    EXPECTED,
    Question,
    Reply,
    dump_json,
    load_json,
    null_hint,
    numbers_column,
    shown,
    texts_column,
)

PREDICTED = "predicted"
UNANSWERED = b"seatrial-unanswered-rows"  # how many rows the model gives NaN for: their answers are null
CSV = "text/csv"
_RECORDS = 'Send [{"column": value, …}, …], one object a row.'
_TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def parse_records(body: bytes, signature: Signature) -> Question:
    """A JSON array of objects, one a row; columns that the model does not know are ignored."""
    records = load_json(body)
    return _question(_columns(records, signature, path=""), len(records), signature)


def parse_score(body: bytes, signature: Signature) -> Question:
    """What clients of Azure ML send: the array itself, or below `data`, `inputs` or `input_data`.

    Below `input_data` may also stand columns and rows apart, as pandas splits a frame and MLflow's models take it.
    """
    document = load_json(body)
    path = ""
    if isinstance(document, dict):
        path = next((name for name in ("input_data", "data", "inputs") if name in document), "")
        if not path:
            raise InputError('expected an array of rows, or an object with "input_data" or "data".', hint=_RECORDS)
        document = document[path]
    if isinstance(document, dict):
        document = _split_frame(document, path)
        path += ".data"
    return _question(_columns(document, signature, path=path), len(document), signature)


def parse_csv(body: bytes, signature: Signature) -> Question:
    """CSV in UTF-8 with a line of names first; an empty field is a missing value."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the body is not UTF-8: byte {error.start}.", hint="Send CSV in UTF-8.") from None
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise InputError(f"the body is not CSV: {error}.", hint="Send a line of names, then one line a row.") from None
    while lines and not lines[0]:  # csv gives no fields for a line without a character
        lines.pop(0)
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError("the body has no line of names.", hint="Send a line of names, then one line a row.")
    names, rows = lines[0], lines[1:]
    # Of one column, such a line is a row whose value is missing; of several it is no row.
    rows = [row or [""] for row in rows] if len(names) == 1 else [row for row in rows if row]
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise InputError(
                f"the row has {len(row)} fields, the line of names {len(names)}.", path=f"row {number} (the first is 0)"
            )
    columns = {}
    for column in signature.inputs:
        if names.count(column.name) != 1:
            problem = "is missing" if column.name not in names else "is there twice"
            raise InputError(f"the column {column.name!r} {problem}.", hint="Name it once in the first line.")
        place = names.index(column.name)
        columns[column.name] = _csv_column([row[place] for row in rows], column)
    return _question(columns, len(rows), signature, as_csv=True)


def answers_of(predictions: Predictions, signature: Signature) -> dict[str, list[Any]]:
    """The answers by name; None for a row that the model gives NaN for."""
    gone = predictions.unanswered
    labels: list[Any] = predictions.labels.tolist()
    if gone.any():
        labels = [None if missing else label for label, missing in zip(labels, gone.tolist(), strict=True)]
    answers: dict[str, list[Any]] = {PREDICTED: labels}
    if predictions.probabilities is not None:
        for place, name in enumerate(signature.classes):
            answers[f"probability={name}"] = predictions.probabilities[:, place].tolist()
    if predictions.interval is not None:
        answers |= {"lower": predictions.interval[:, 0].tolist(), "upper": predictions.interval[:, 1].tolist()}
    return answers


def _question(
    columns: Mapping[str, NDArray[Any]], rows: int, signature: Signature, *, as_csv: bool = False
) -> Question:
    def reply(predictions: Predictions) -> Reply:
        answers = answers_of(predictions, signature)
        gone = int(predictions.unanswered.sum())
        headers = ((UNANSWERED, str(gone).encode()),) if gone else ()
        if as_csv:
            return Reply(_csv(answers), CSV, headers)
        names = list(answers)
        return Reply(
            dump_json([dict(zip(names, row, strict=True)) for row in zip(*answers.values(), strict=True)]),
            headers=headers,
        )

    return Question(columns, rows, reply)


def _columns(records: Any, signature: Signature, *, path: str) -> dict[str, NDArray[Any]]:
    if not isinstance(records, list):
        raise InputError(f"expected an array of rows, got {shown(records)}.", path=path or None, hint=_RECORDS)
    for place, record in enumerate(records):
        if not isinstance(record, dict):
            raise InputError(f"expected an object, got {shown(record)}.", path=f"{path}[{place}]", hint=_RECORDS)
    columns = {}
    for column in signature.inputs:
        name = column.name
        try:
            values = [record[name] for record in records]
        except KeyError:
            place = next(place for place, record in enumerate(records) if name not in record)
            raise InputError(
                f"the row does not have {name!r}.", path=f"{path}[{place}]", hint=f"Send it; {null_hint(column)}."
            ) from None
        columns[name] = _column(values, column, _path_of(path, name))
    return columns


def _path_of(path: str, name: str) -> Callable[[int], str]:
    return lambda place: f"{path}[{place}].{name}"


def _column(values: Sequence[Any], column: Column, path_of: Callable[[int], str]) -> NDArray[Any]:
    expected = f"{EXPECTED[column.kind]} ({null_hint(column)})"
    if column.kind == "text":
        return texts_column(values, path_of, expected=expected)
    if bool in set(map(type, values)):
        values = [float(value) if isinstance(value, bool) else value for value in values]
    return numbers_column(values, path_of, expected=expected)


def _csv_column(values: Sequence[str], column: Column) -> NDArray[Any]:
    if column.kind == "text":
        return np.array(values, object)
    numbers = np.empty(len(values), np.float64)
    for place, value in enumerate(values):
        try:
            numbers[place] = _number(value.strip(), truths=column.kind == "boolean")
        except ValueError:
            raise InputError(
                f"expected {EXPECTED[column.kind]}, got {shown(value)}.",
                path=f"row {place} (the first is 0), {column.name!r}",
            ) from None
    return numbers


def _number(text: str, *, truths: bool) -> float:
    if not text:
        return math.nan
    if truths and text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if "_" in text or not text.isascii():  # Python's own way to write 1_000, and digits of other scripts
        raise ValueError(text)
    return float(text)


def _split_frame(document: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    names, rows = document.get("columns"), document.get("data")
    if not isinstance(names, list) or not isinstance(rows, list) or not all(isinstance(name, str) for name in names):
        raise InputError('expected "columns", names, and "data", rows.', path=path, hint=_RECORDS)
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise InputError(f"expected a row of {len(names)} values.", path=f"{path}.data[{place}]")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _csv(answers: Mapping[str, Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answers)
    for row in zip(*answers.values(), strict=True):
        writer.writerow(["" if value is None or value != value else value for value in row])  # NaN
    return text.getvalue().encode()
