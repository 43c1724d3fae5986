"""A model that is wrong far more often than chance: its classes are named in another order, most likely."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import class_codes
from seatrial.assessors.assessor import Subject
from seatrial.errors import InputError, field
from seatrial.models.predictor import Predictions
from seatrial.trial.data_checks.note import Note
from seatrial.trial.question import Question

LEAST_ROWS = 50  # of each class
LEAST_AUC = 0.25  # 4.3 standard errors (Mann & Whitney 1947) below 1/2 with so many rows: chance once in 100,000 times
_FAR = 5.0  # standard errors of the agreement by chance (Cohen 1960) that the agreement lies below it, and …
_FAR_BELOW = 0.5  # … of it at most this part


def inverted_note(subject: Subject) -> Note | None:
    """The note where a classifier's scores or answers go against the labels; None where they do not."""
    table, predictions = subject.tables[subject.measured], subject.predictor.predict(subject.tables[subject.measured])
    classes = subject.predictor.signature.classes
    if subject.task == "regression" or len(classes) < 2:
        return None
    codes, _ = class_codes(table.column(subject.label), classes)
    if len(classes) == 2 and predictions.probabilities is not None:
        auc = _auc(predictions.probabilities[:, 1], codes == 1)
        if auc is None or auc >= LEAST_AUC:
            return None
        behaviour = f"ranks the classes the wrong way round (ROC AUC {auc:.3g})"
    else:
        agreement = _agreement_below_chance(predictions, codes, classes)
        if agreement is None:
            return None
        behaviour = "answers against the labels (right in {:.1%} of the rows, by chance in {:.1%})".format(*agreement)
    return Note(
        "inverted",
        None,
        f"the model {behaviour}: its classes may be named in another order than it learned.",
        f"If so, name them in its order: {field('classes', _other_order(classes))}.",
    )


def check_inverted(note: Note | None, subject: Subject, question: Question, *, model: str) -> None:
    """An `InputError` for a model that looks inverted, unless the question names its classes or the positive one.

    No number is told: this is said before a use of the test data is counted.
    """
    if note is None or question.classes is not None or question.positive is not None:
        return
    classes = subject.predictor.signature.classes
    confirmation = field("classes", ",".join(classes))
    if subject.positive is not None:
        confirmation = field("positive", subject.positive)
    raise InputError(
        "the model goes against the labels far more often than chance: its classes seem to be named in another order "
        "than it learned. No use of the test data was counted.",
        path=model,
        hint=f"Name the classes in its order: {field('classes', _other_order(classes))} (where its file names "
        f"them, look at how it was trained). If the order is right, say so, {confirmation}: the model is measured "
        "as it is.",
    )


def _other_order(classes: tuple[str, ...]) -> str:
    """The two the other way round; of more, letters that stand for them."""
    return f"{classes[1]},{classes[0]}" if len(classes) == 2 else "a,b,c"


def _auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """How often a positive scores above a negative, ties half; None where there are few of either."""
    ranked, negatives = np.sort(scores[~positive]), int((~positive).sum())
    if min(negatives, int(positive.sum())) < LEAST_ROWS:
        return None
    below = np.searchsorted(ranked, scores[positive], side="left") + np.searchsorted(
        ranked, scores[positive], side="right"
    )
    return float(below.mean() / (2 * negatives))


def _agreement_below_chance(
    predictions: Predictions, actual: NDArray[np.int64], classes: tuple[str, ...]
) -> tuple[float, float] | None:
    """The share of answers that are the label, and that by chance, where it lies far below; else None."""
    labels = np.asarray(predictions.labels, object).astype(str)
    answered = np.full(len(labels), -1)
    for code, name in enumerate(classes):
        answered[labels == name] = code
    rows, shares = len(actual), [np.bincount(codes[codes >= 0], minlength=len(classes)) for codes in (actual, answered)]
    chance = float((shares[0] * shares[1]).sum()) / rows**2
    agreement = float((answered == actual).mean())
    if rows < 2 * LEAST_ROWS or agreement > _FAR_BELOW * chance:
        return None
    far = chance - agreement > _FAR * math.sqrt(chance * (1 - chance) / rows)
    return (agreement, chance) if far else None
