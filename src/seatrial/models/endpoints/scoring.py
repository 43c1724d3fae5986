"""Scoring scripts (Azure ML's `/score`, MLflow's `/invocations`): no metadata, so the table says what is sent.

Azure ML, "Deploy MLflow models to online endpoints" (input_data) and "AutoML: online endpoint" (Inputs); MLflow,
"Deploy a model locally" (dataframe_split).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import TargetError
from seatrial.models.endpoints.columns import values
from seatrial.models.endpoints.inference_protocol import as_array
from seatrial.models.signature import Column

ENDINGS = ("/score", "/invocations")
ANSWER = "answer"
_WRAPPERS = ("predictions", "Results", "results", "result", "outputs", "output_data")
_SEEN = "It has to answer with a list of one answer a row: look at its scoring script."

Render = Callable[[pa.Table, Sequence[Column]], Any]


def _split(rows: pa.Table, columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "columns": [column.name for column in columns],
        "index": list(range(rows.num_rows)),
        "data": _rows(rows, columns),
    }


def _rows(rows: pa.Table, columns: Sequence[Column]) -> list[list[Any]]:
    return [list(row) for row in zip(*(values(rows, column) for column in columns), strict=True)]


def _records(rows: pa.Table, columns: Sequence[Column]) -> list[dict[str, Any]]:
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in _rows(rows, columns)]


# In the order in which they are tried; the first that is answered for every row stays.
FORMS: tuple[tuple[str, Render], ...] = (
    ("input_data with columns, index and data", lambda rows, columns: {"input_data": _split(rows, columns)}),
    ("dataframe_split", lambda rows, columns: {"dataframe_split": _split(rows, columns)}),
    (
        "Inputs with data",
        lambda rows, columns: {"Inputs": {"data": _records(rows, columns)}, "GlobalParameters": {"method": "predict"}},
    ),
    ("input_data as a list of rows", lambda rows, columns: {"input_data": _rows(rows, columns)}),
    ("data as a list of rows", lambda rows, columns: {"data": _rows(rows, columns)}),
)


def parse_scores(document: Any, rows: int, *, address: str) -> dict[str, NDArray[Any]]:
    """The answers by name: "answer", or the keys of each row's object. A `TargetError` where they are not for `rows`.

    Several numbers a row are probabilities, and so are keys that are the classes.
    """
    scores = _unwrapped(document)
    if isinstance(scores, dict) and scores and all(isinstance(column, list) for column in scores.values()):
        return {str(name): _column(column, str(name), rows, address) for name, column in scores.items()}
    if not isinstance(scores, list):
        raise TargetError("the endpoint must answer with a list, one item a row.", path=address, hint=_SEEN)
    if scores and all(isinstance(row, dict) for row in scores):
        if any(row.keys() != scores[0].keys() for row in scores):
            raise TargetError("the endpoint's answers differ in their keys.", path=address, hint=_SEEN)
        return {str(name): _column([row[name] for row in scores], str(name), rows, address) for name in scores[0]}
    return {ANSWER: _column(scores, ANSWER, rows, address)}


def _unwrapped(document: Any) -> Any:
    for _ in range(3):  # a script that renders JSON, in a server that renders JSON, around a list with a name
        if isinstance(document, str):
            try:
                document = json.loads(document)
            except ValueError:
                return document
        if isinstance(document, Mapping):
            name = next((name for name in _WRAPPERS if name in document), None)
            if name is None:
                return dict(document)
            document = document[name]
    return document


def _column(column: list[Any], name: str, rows: int, address: str) -> NDArray[Any]:
    if len(column) != rows:
        raise TargetError(
            f"the endpoint answers for {len(column)} rows, and was asked for {rows}.", path=address, hint=_SEEN
        )
    widths = {len(row) if isinstance(row, list) else 1 for row in column}
    if len(widths) != 1 or widths == {0}:
        raise TargetError("the endpoint's answers differ in their length.", path=address, hint=_SEEN)
    flat = [value for row in column for value in (row if isinstance(row, list) else [row])]
    return as_array(flat, widths.pop(), name, address)
