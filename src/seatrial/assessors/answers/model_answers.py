"""What a model answered, beside what was true, as columns of numbers; or why that cannot be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import actual_classes, actual_values, class_code, class_codes, weights_of
from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import quoted_list
from seatrial.assessors.subject_checks import check_subject, positive_code
from seatrial.models.predictor import BEYOND, Predictions, Predictor, sum_tolerance
from seatrial.verdicts.bounds.weighted_mean import has_equal_weights

__all__ = ["ClassAnswers", "Unmeasurable", "ValueAnswers", "check_subject", "class_answers", "value_answers"]


@dataclass(frozen=True, slots=True)
class Unmeasurable:
    """Why nothing can be stated of rows that were not drawn, and a number of those that were, where there is one."""

    reason: str
    estimate: float | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ClassAnswers:
    """A classifier's n answers. Classes are numbered as `classes` lists them.

    `actual`, `answered`: int64[n]; `probabilities`: float64[n, classes] within [0, 1], or None where the model gives
    none; `weights`: float64[n], or None where each row counts once. `positive` is set for two classes.
    """

    classes: tuple[str, ...]
    actual: NDArray[np.int64]
    answered: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None
    weights: NDArray[np.float64] | None = None
    positive: int | None = None
    largest_weight: float | None = None  # of anybody, drawn or not

    def code_of(self, name: str | None) -> int | Unmeasurable | None:
        """The class that a claim is about: the one it names, else the positive one; None for all of several."""
        if name is None:
            return self.positive
        code = class_code(name, self.classes)
        if code is None:
            return Unmeasurable(f'the model has no class "{name}"; its classes are {quoted_list(self.classes)}')
        return code


@dataclass(frozen=True, slots=True, eq=False)
class ValueAnswers:
    """A regression's n answers: `actual`, `predicted`, `weights` (or None) float64[n]; `interval` float64[n, 2]."""

    actual: NDArray[np.float64]
    predicted: NDArray[np.float64]
    interval: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None
    largest_weight: float | None = None  # of anybody, drawn or not


def class_answers(subject: Subject, reference: Predictor | None = None) -> ClassAnswers | Unmeasurable:
    """The answers of a classifier (or of a reference in its place) for the measured table.

    Raises `InputError` for labels or weights that cannot be meant.
    """
    doubt = _doubt(subject, classifier=True)
    if doubt is not None:
        return doubt
    table, classes = subject.tables[subject.measured], subject.predictor.signature.classes
    actual = actual_classes(table, subject.label, classes, path=f"{subject.measured}.{subject.label}")
    if (actual == actual[0]).all():
        return Unmeasurable(f'every row of the {subject.measured} table has the label "{classes[actual[0]]}"')
    answers = ClassAnswers(
        classes=classes,
        actual=actual,
        answered=actual,
        probabilities=None,
        weights=_weights(subject),
        positive=positive_code(subject) if subject.task == "binary" else None,
        largest_weight=subject.largest_weight,
    )
    return answered_beside(answers, subject, subject.measured, reference)


def answered_beside(
    known: ClassAnswers, subject: Subject, role: str, reference: Predictor | None = None
) -> ClassAnswers | Unmeasurable:
    """`known` with what the model (or a reference in its place) answers for the table of that role."""
    predictor = subject.predictor if reference is None else reference
    order = _order(known.classes, predictor)
    if isinstance(order, Unmeasurable):
        return order
    predictions = predictor.predict(subject.tables[role])
    answered, strange = class_codes(_array(predictions), predictor.signature.classes)
    if (answered < 0).any():
        row = int(np.argmax(answered < 0))
        name = strange[0] if strange else "nothing"
        return Unmeasurable(f'the model answers "{name}" for row {row}, which is none of its classes')
    probabilities = None if predictions.probabilities is None else _sound(predictions.probabilities, role)
    if isinstance(probabilities, Unmeasurable):
        return probabilities
    if probabilities is not None and not np.array_equal(order, np.arange(len(order))):
        probabilities = probabilities[:, np.argsort(order)]
    return replace(known, answered=order[answered], probabilities=probabilities)


def value_answers(subject: Subject, reference: Predictor | None = None) -> ValueAnswers | Unmeasurable:
    """The answers of a regression (or of a reference in its place) for the measured table.

    Raises `InputError` for labels or weights that cannot be meant.
    """
    doubt = _doubt(subject, classifier=False)
    if doubt is not None:
        return doubt
    predictor = subject.predictor if reference is None else reference
    if predictor.signature.task != "regression":
        return Unmeasurable(f"that model is a {predictor.signature.task} one")
    table = subject.tables[subject.measured]
    actual = actual_values(table, subject.label, path=f"{subject.measured}.{subject.label}")
    predictions = predictor.predict(table)
    predicted = np.asarray(predictions.labels, dtype=np.float64)
    sound = np.isfinite(predicted)
    if not sound.all():
        return Unmeasurable(_first_gap("number", sound, predicted, subject.measured))
    if predictions.interval is not None:
        sound = np.isfinite(predictions.interval).all(axis=1) & (
            predictions.interval[:, 0] <= predictions.interval[:, 1]
        )
        if not sound.all():
            return Unmeasurable(_first_gap("interval", sound, predictions.interval, subject.measured))
    return ValueAnswers(actual, predicted, predictions.interval, _weights(subject), subject.largest_weight)


def _doubt(subject: Subject, *, classifier: bool) -> Unmeasurable | None:
    """Why these answers cannot be asked for at all."""
    task, table = subject.predictor.signature.task, subject.tables[subject.measured]
    if subject.task != task:
        return Unmeasurable(f"the task is {subject.task}, and the model is for {task}")
    if classifier == (task == "regression"):
        return Unmeasurable(f"the metric does not belong to a {task} model")
    if table.num_rows == 0:
        return Unmeasurable(f"the {subject.measured} table has no rows")
    return None


def _first_gap(what: str, sound: NDArray[np.bool_], values: NDArray[np.float64], role: str) -> str:
    row = int(np.argmin(sound))
    lacking = f"{int((~sound).sum())} of {sound.size} rows of the {role} table"
    return f"the model gives no {what} for {lacking}, first {values[row]} at row {row}"


def _weights(subject: Subject) -> NDArray[np.float64] | None:
    """The weights of the measured rows; None without any, and where they are all equal (docs/decisions/0145)."""
    if subject.weight is None:
        return None
    path = f"{subject.measured}.{subject.weight}"
    weights = weights_of(subject.tables[subject.measured], subject.weight, path=path)
    return None if subject.largest_weight is None and has_equal_weights(weights) else weights


def _order(classes: tuple[str, ...], predictor: Predictor) -> NDArray[np.int64] | Unmeasurable:
    """Which of `classes` each class of the predictor is."""
    own = predictor.signature.classes
    order, strange = class_codes(pa.array(list(own), pa.string()), classes)
    if strange or len(own) != len(classes):
        return Unmeasurable(f"its classes are {quoted_list(own)}, and the model's {quoted_list(classes)}")
    return order


def _array(predictions: Predictions) -> pa.Array[Any]:
    try:
        return pa.array(predictions.labels, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # labels of several types
        return pa.array([str(label) for label in predictions.labels], pa.string())


def _sound(probabilities: NDArray[np.float64], role: str) -> NDArray[np.float64] | Unmeasurable:
    """The probabilities, within [0, 1] to the last digit, or what is wrong with them."""
    values = np.ascontiguousarray(probabilities, dtype=np.float64)
    within = ((values >= -BEYOND) & (values <= 1 + BEYOND)).all(axis=1)  # NaN is neither
    if not within.all():
        row = int(np.argmin(within))
        beyond = np.argmin((values[row] >= -BEYOND) & (values[row] <= 1 + BEYOND))
        return Unmeasurable(
            f"the model gives no probability for {int((~within).sum())} of {len(values)} rows of the {role} table, "
            f"first {values[row, beyond]} at row {row}"
        )
    sums = values.sum(axis=1)
    whole = np.abs(sums - 1) <= sum_tolerance(values.shape[1])
    if not whole.all():
        row = int(np.argmin(whole))
        return Unmeasurable(
            f"the probabilities of {int((~whole).sum())} of {len(values)} rows of the {role} table do not sum to 1, "
            f"first {sums[row]:.6g} at row {row}"
        )
    return np.clip(values, 0, 1)
