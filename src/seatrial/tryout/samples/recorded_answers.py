"""The answers that a service gave, as a predictor: what its clients got, whatever the model would say today."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.models.agreement import compare
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Signature
from seatrial.rows import TABLE_ROWS
from seatrial.serve.formats.records import PREDICTED


@dataclass(frozen=True, slots=True)
class RecordedAnswers:
    """A `Predictor` that reads its answers from the rows; its inputs are those that samples keep."""

    signature: Signature

    def predict(self, rows: pa.Table) -> Predictions:
        """The answers beside the rows."""
        numbers = [rows[name].to_numpy() for name in answer_columns(self.signature)[1:]]
        labels = rows[PREDICTED].to_numpy()
        if self.signature.task == "regression":
            interval = np.stack(numbers, axis=1) if self.signature.interval else None
            return Predictions(labels, None, interval)
        return Predictions(labels.astype(object), np.stack(numbers, axis=1) if numbers else None)


def recorded_answers(signature: Signature, kept: tuple[str, ...]) -> RecordedAnswers:
    """The answers of a model of this signature, on rows with these of its inputs."""
    return RecordedAnswers(
        replace(signature, inputs=tuple(column for column in signature.inputs if column.name in kept))
    )


def answer_columns(signature: Signature) -> tuple[str, ...]:
    """The columns of a sample that hold answers, the label first."""
    if signature.task == "regression":
        return (PREDICTED, "lower", "upper") if signature.interval else (PREDICTED,)
    return (PREDICTED, *(f"probability={name}" for name in signature.classes if signature.probabilities))


def differing_answers(table: pa.Table, predictor: Predictor) -> int:
    """How many rows were answered otherwise than the model answers them now, or by one of the two alone."""
    recorded = RecordedAnswers(predictor.signature)
    differing = 0
    for start in range(0, table.num_rows, TABLE_ROWS):
        part = table.slice(start, TABLE_ROWS)
        answers = predictor.predict(part)
        unanswered = recorded.predict(part).unanswered
        differing += int((unanswered & ~answers.unanswered).sum())
        if not unanswered.all():
            places = np.flatnonzero(~unanswered)
            differing += compare(_at(answers, places), recorded, part.take(places), name="the release").differing
    return differing


def _at(answers: Predictions, places: NDArray[np.intp]) -> Predictions:
    probabilities = None if answers.probabilities is None else answers.probabilities[places]
    return Predictions(answers.labels[places], probabilities)
