"""What a binary model answered, beside what was true; or why that cannot be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.assessor import Subject
from seatrial.errors import InputError, Problems, SeatrialError

NAMED_VALUES = 3  # strange values shown in an error: enough to recognise the mistake


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Truth, answer (each: is it the positive class?) and score (probability of the positive class); n rows each."""

    actual: NDArray[np.bool_]
    answered: NDArray[np.bool_]
    score: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Unmeasurable:
    """Why nothing can be said."""

    reason: str


def measured_answers(subject: Subject) -> Answers | Unmeasurable:
    """The answers for the measured table. Raises `InputError` for labels that are missing or of no class."""
    if subject.task != "binary":
        return Unmeasurable(f"measured for binary models only; this task is {subject.task}")
    table = subject.tables[subject.measured]
    if table.num_rows == 0:
        return Unmeasurable(f"the {subject.measured} table has no rows")
    actual = actual_labels(subject)
    if actual.all() or not actual.any():
        only = pc.cast(table.column(subject.label), pa.string())[0].as_py()
        return Unmeasurable(f'every row of the {subject.measured} table has the label "{only}"')
    score = scores(subject, subject.measured)
    if isinstance(score, Unmeasurable):
        return score
    labels = subject.predictor.predict(table).labels
    positive = positive_class(subject)
    answered = labels == positive
    known = np.isin(labels.astype(str), subject.predictor.signature.classes)
    if not known.all():
        row = int(np.argmin(known))
        return Unmeasurable(f'the model answers "{labels[row]}" for row {row}, which is none of its classes')
    return Answers(actual=actual, answered=answered, score=score)


def scores(subject: Subject, role: str) -> NDArray[np.float64] | Unmeasurable:
    """The probability of the positive class for each row of a table: float64[n], all within [0, 1]."""
    signature = subject.predictor.signature
    probabilities = subject.predictor.predict(subject.tables[role]).probabilities
    if probabilities is None:
        return Unmeasurable("the model gives no probabilities")
    score = np.ascontiguousarray(probabilities[:, signature.classes.index(positive_class(subject))], dtype=np.float64)
    sound = (score >= 0) & (score <= 1)  # NaN is neither
    if not sound.all():
        row = int(np.argmin(sound))
        return Unmeasurable(
            f"the model gives no probability for {int((~sound).sum())} of {len(score)} rows of the {role} table, "
            f"first {score[row]} at row {row}"
        )
    return score


def positive_class(subject: Subject) -> str:
    """The class whose probability is the score. Raises `InputError` where it is unnamed or none of the model's."""
    signature = subject.predictor.signature
    positive = subject.positive if subject.positive is not None else signature.positive
    classes = _listed(signature.classes)
    if positive is None:
        raise InputError("No positive class is named.", path="data.positive", mend=f"Name one of {classes}.")
    if len(signature.classes) != len({"positive", "negative"}) or positive not in signature.classes:
        raise InputError(
            f'The positive class "{positive}" is none of the model\'s two classes.',
            path="data.positive",
            mend=f"The model's classes are {classes}.",
        )
    return positive


def actual_labels(subject: Subject) -> NDArray[np.bool_]:
    """Whether each measured row's label is the positive class."""
    positive = positive_class(subject)
    column = f"{subject.measured}.{subject.label}"
    labels = pc.cast(subject.tables[subject.measured].column(subject.label), pa.string())
    if labels.null_count:
        raise InputError(
            f"{labels.null_count} of {len(labels)} rows have no label.",
            path=column,
            mend="Leave rows without a label out of the table.",
        )
    classes = subject.predictor.signature.classes
    strange = [str(value) for value in pc.unique(labels).to_pylist() if value not in classes]
    if strange:
        raise InputError(
            f"Labels that are none of the model's classes: {_listed(strange)}.",
            path=column,
            mend=f"The model's classes are {_listed(classes)}.",
        )
    return np.asarray(pc.equal(labels, pa.scalar(positive)).to_numpy(), dtype=np.bool_)


def check_subject(subject: Subject) -> None:
    """Raises what is wrong with the tables before anything is measured (or counted as a use): all of it at once."""
    problems = list(_problems(subject))
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


def _problems(subject: Subject) -> Iterator[SeatrialError]:
    if subject.measured not in subject.tables:
        yield InputError(f"There is no {subject.measured} table.", path=f"data.{subject.measured}", mend="Name one.")
        return
    named = [subject.label, *subject.groups, *([] if subject.cluster is None else [subject.cluster])]
    missing = [column for column in named if column not in subject.tables[subject.measured].column_names]
    for column in missing:
        yield InputError(
            f'The {subject.measured} table has no column "{column}".',
            path=f"data.{subject.measured}",
            mend=suggestion(column, subject.tables[subject.measured].column_names),
        )
    if subject.task == "binary" and subject.label not in missing:
        try:
            actual_labels(subject)
        except InputError as error:
            yield error


def suggestion(name: str, known: Sequence[str]) -> str:
    """The close name, or all of them."""
    close = get_close_matches(name, known, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"It has {_listed(known)}."


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(f'"{value}"' for value in values[:NAMED_VALUES])
    return shown if len(values) <= NAMED_VALUES else f"{shown} and {len(values) - NAMED_VALUES} more"
