"""Rows to which a model of two classes gives a probability of exactly one half: how many, and how it answers them."""

from __future__ import annotations

from seatrial.assessors.answers.labels import class_code
from seatrial.assessors.assessor import Subject
from seatrial.trial.data_checks.label_checks import share
from seatrial.trial.data_checks.note import Note


def ties_note(subject: Subject) -> Note | None:
    """The note where there are some. Which way they fall can move every rate, and no score tells it."""
    predictions = subject.predictor.predict(subject.tables[subject.measured])
    classes = subject.predictor.signature.classes
    if len(classes) != 2 or predictions.probabilities is None:
        return None
    tied = predictions.probabilities[:, 0] == predictions.probabilities[:, 1]
    count, rows = int(tied.sum()), len(tied)
    if count == 0:
        return None
    first = sum(class_code(str(label), classes) == 0 for label in predictions.labels[tied].tolist())
    how = f"all of them {classes[0]}" if first == count else f"{first:,} of them {classes[0]}"
    if first == 0:
        how = f"all of them {classes[1]}"
    return Note(
        "ties",
        None,
        f"{count:,} of {rows:,} rows ({share(count, rows)}) have a probability of exactly one half: the model "
        f"answers {how}.",
    )
