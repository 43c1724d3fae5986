"""A model that is wrong far more often than chance: its classes are named in another order, most likely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import class_codes
from seatrial.assessors.assessor import Subject
from seatrial.errors import field
from seatrial.trial.data_checks.note import Note

LEAST_ROWS = 50  # of each class
LEAST_AUC = 0.25  # 4.3 standard errors (Mann & Whitney 1947) below 1/2 with so many rows: chance once in 100,000 times


def inverted_note(subject: Subject) -> Note | None:
    """The note where a binary model's scores rank the classes the wrong way round; None where they do not."""
    table, predictions = subject.tables[subject.measured], subject.predictor.predict(subject.tables[subject.measured])
    classes = subject.predictor.signature.classes
    if len(classes) != 2 or predictions.probabilities is None:
        return None
    codes, _ = class_codes(table.column(subject.label), classes)
    auc = _auc(predictions.probabilities[:, 1], codes == 1)
    if auc is None or auc >= LEAST_AUC:
        return None
    return Note(
        "inverted",
        None,
        f"the model ranks the classes the wrong way round (ROC AUC {auc:.3g}): its classes may be named in another "
        "order than it learned.",
        f"If so, name them in its order: {field('classes', f'{classes[1]},{classes[0]}')}.",
    )


def _auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """How often a positive scores above a negative, ties half; None where there are few of either."""
    ranked, negatives = np.sort(scores[~positive]), int((~positive).sum())
    if min(negatives, int(positive.sum())) < LEAST_ROWS:
        return None
    below = np.searchsorted(ranked, scores[positive], side="left") + np.searchsorted(
        ranked, scores[positive], side="right"
    )
    return float(below.mean() / (2 * negatives))
