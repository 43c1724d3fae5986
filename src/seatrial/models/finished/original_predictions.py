"""The answers of a model's own library, in the form that a package's are compared in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Signature


def original_predictions(converted: ConvertedModel, signature: Signature, rows: pa.Table) -> Predictions | None:
    """What the library answers for `rows`; None where it is not installed.

    Its labels are made of its probabilities by the signature's rule, as the package's are.
    """
    if converted.answer is None:
        return None
    answers = np.asarray(converted.answer(rows, tuple(column.name for column in signature.inputs)))
    if answers.dtype == object:  # a classifier without probabilities
        return Predictions(answers, None)
    answers = answers.astype(np.float64)
    if signature.task == "regression":
        return Predictions(answers.reshape(-1), None)
    whole = answers.reshape(len(answers), -1)
    probabilities = np.hstack([1 - whole, whole]) if whole.shape[1] == 1 else whole
    names = np.array(signature.classes, object)
    if signature.threshold is None or signature.positive is None:
        return Predictions(names[probabilities.argmax(axis=1)], probabilities)
    place = signature.classes.index(signature.positive)
    reached = probabilities[:, place] >= signature.threshold
    return Predictions(names[np.where(reached, place, 1 - place)], probabilities)
