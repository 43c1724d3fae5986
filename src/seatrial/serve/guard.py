"""Which values of a request the model was not trained on: beyond the ranges and the texts that its release records.

The answers stay what they are. Who asks gets a report beside them, as one text of JSON in ASCII:
`{"total": 2, "columns": {"age": 1, "sex": 1}, "values": [{"row": 0, "column": "age", "value": 130.0, "range":
[17.0, 90.0]}, {"row": 3, "column": "sex", "value": "?", "unknown": true}], "unchecked": [], "complete": true}`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature
from seatrial.serve.formats.request_columns import Columns, Question, Reply

GUARD = "guard"  # the parameter of a request and of its answer, by the Open Inference Protocol
GUARD_HEADER = b"seatrial-guard"  # elsewhere: of the request and of its answer
VALUES = 20  # of a report, by row
_PART_CHARACTERS = 1500  # of each of a report's lists: it may travel in a header, of which clients take 8 KiB
_VALUE_CHARACTERS = 40
_FLOAT32_STEP = 2.0**-23  # what was trained on as 0.1 may come as FP32, which is 0.1 within so much of itself
_OFF = "the server does not report on values: it was started without --guard."


@dataclass(frozen=True, slots=True)
class Guard:
    """What a release records of each input: a number's range, a text's values."""

    inputs: tuple[str, ...]  # of the model, in its order
    ranges: Mapping[str, tuple[float, float]]
    texts: Mapping[str, frozenset[str]]
    unchecked: tuple[str, ...]  # inputs of which nothing is recorded

    def report(self, columns: Columns) -> str:
        """Values of these columns that are out of range or unknown; a missing number is neither."""
        wrong = {name: self._wrong(name, columns[name]) for name in self.inputs}
        counts = {name: int(places.size) for name, places in wrong.items() if places.size}
        first = sorted((int(row), place) for place, name in enumerate(self.inputs) for row in wrong[name][:VALUES])
        placed = ((row, self.inputs[place]) for row, place in first[:VALUES])
        values = (self._value(name, row, columns[name][row]) for row, name in placed)
        total = sum(counts.values())
        shown_values = _fitting(values)
        shown_counts = dict(_fitting(counts.items()))
        unchecked = _fitting(self.unchecked)
        complete = (len(shown_values), len(shown_counts), len(unchecked)) == (total, len(counts), len(self.unchecked))
        return _ascii(
            {
                "total": total,
                "columns": shown_counts,
                "values": shown_values,
                "unchecked": unchecked,
                "complete": complete,
            }
        )

    def _wrong(self, name: str, values: NDArray[Any]) -> NDArray[np.intp]:
        """The rows whose value is out of range or unknown."""
        if (texts := self.texts.get(name)) is not None:
            return np.flatnonzero(np.fromiter((value not in texts for value in values), bool, len(values)))
        if (limits := self.ranges.get(name)) is not None:
            least, most = (
                limit + side * abs(limit) * _FLOAT32_STEP for limit, side in zip(limits, (-1, 1), strict=True)
            )
            return np.flatnonzero((values < least) | (values > most))
        return np.empty(0, np.intp)

    def _value(self, name: str, row: int, value: Any) -> dict[str, object]:
        place = {"row": row, "column": name}
        if name in self.texts:
            text = str(value)
            return {**place, "value": text if len(text) <= _VALUE_CHARACTERS else text[:_VALUE_CHARACTERS] + "…"} | {
                "unknown": True
            }
        number = float(value)
        # JSON has no word for an infinity.
        return {**place, "value": number if math.isfinite(number) else str(number), "range": list(self.ranges[name])}


def guard_of(
    signature: Signature,
    codec: Codec | None,
    ranges: Mapping[str, tuple[float, float]] | None,
    graph_texts: Callable[[], Mapping[str, tuple[str, ...]]],
) -> Guard:
    """The guard of a release: its texts are the codec's, or without one those that the graph looks up.

    `graph_texts` is called only where there is no codec. A boolean has no value that could be new.
    """
    known = (
        {vocabulary.name: vocabulary.values for vocabulary in codec.vocabularies}
        if codec is not None
        else graph_texts()
    )
    texts = {name: frozenset(values) for name, values in known.items()}
    numbers = {
        column.name: ranges[column.name]
        for column in signature.inputs
        if ranges is not None and column.kind in ("number", "integer") and column.name in ranges
    }
    unchecked = tuple(
        column.name
        for column in signature.inputs
        if column.kind != "boolean" and column.name not in texts and column.name not in numbers
    )
    return Guard(tuple(column.name for column in signature.inputs), numbers, texts, unchecked)


def asked_guard(value: object, guard: Guard | None, *, path: str) -> Guard | None:
    """The guard, if the request asks for its report: `value` is the parameter, None where there is none."""
    if value is None:
        return None
    if not isinstance(value, bool):
        raise InputError("the value must be true or false.", path=path, hint="Send true, or leave it out.")
    if value and guard is None:
        raise InputError(_OFF, path=path, hint="Leave it out, or have the server started with --guard.")
    return guard if value else None


def with_report(question: Question, guard: Guard) -> Question:
    """The question, whose reply has the report in a header."""
    reply = question.reply

    def guarded(predictions: Predictions) -> Reply:
        answer = reply(predictions)
        report = (GUARD_HEADER, guard.report(question.columns).encode())
        return replace(answer, headers=(*answer.headers, report))

    return replace(question, reply=guarded)


def _fitting(items: Iterable[Any]) -> list[Any]:
    """As many of the first items as a report has room for."""
    fitting, left = [], _PART_CHARACTERS
    for item in items:
        left -= len(_ascii(item)) + 2
        if left < 0:
            break
        fitting.append(item)
    return fitting


def _ascii(document: object) -> str:
    # Within ASCII, DEL alone is no character of a header (RFC 9110, section 5.5) that JSON leaves as it is.
    return json.dumps(document, allow_nan=False).replace("\x7f", "\\u007f")
