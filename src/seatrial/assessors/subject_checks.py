"""What can be wrong with a subject, all of it at once, before anything is measured or counted as a use."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import actual_classes, actual_values, class_code, weights_of
from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import group_column, quoted_list, suggestion
from seatrial.errors import InputError, Problems, SeatrialError, field


def check_subject(subject: Subject) -> None:
    """Raises what is wrong with the tables and settings: all of it at once."""
    problems = list(_problems(subject))
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


def positive_code(subject: Subject) -> int:
    """The positive class of a binary model. Raises `InputError` where it is unnamed or none of the model's."""
    signature = subject.predictor.signature
    positive = subject.positive if subject.positive is not None else signature.positive
    classes = quoted_list(signature.classes)
    if positive is None:
        raise InputError(
            "a binary model needs the name of its positive class.", path="data.positive", hint=f"Name one of {classes}."
        )
    code = class_code(positive, signature.classes)
    if len(signature.classes) != len({"positive", "negative"}) or code is None:
        raise InputError(
            f'The positive class "{positive}" is none of the model\'s two classes.',
            path="data.positive",
            hint=f"The model's classes are {classes}.",
        )
    return code


def weight_column_needed() -> InputError:
    """A largest weight is stated, and no weights are named."""
    return InputError(
        "largest_weight needs a weight column, and none is named.",
        path="policy.largest_weight",
        hint=f"Name the column of weights ({field('weight')}), or leave it out.",
    )


def heavier_row(row: str, weight: float, largest: float, *, path: str) -> InputError:
    """A row weighs more than anybody is said to."""
    return InputError(
        f"{row} weighs {weight:g}, more than the largest weight that was stated, {largest:g}.",
        path=path,
        hint=f"{field('largest_weight')} is the most that anybody weighs, drawn or not: correct it, or the weights.",
    )


def _problems(subject: Subject) -> Iterator[SeatrialError]:
    yield from _settings(subject)
    if subject.measured not in subject.tables:
        yield InputError(f"the {subject.measured} table is missing.", path=f"data.{subject.measured}", hint="Name one.")
        return
    table = subject.tables[subject.measured]
    columns = [subject.label, *(group_column(table, name) for name in subject.groups), subject.cluster, subject.weight]
    missing = [column for column in columns if column is not None and column not in table.column_names]
    for column in missing:
        yield InputError(
            f'the {subject.measured} table does not have a column "{column}".',
            path=f"data.{subject.measured}",
            hint=suggestion(column, table.column_names),
        )
    if subject.label not in missing and subject.task == subject.predictor.signature.task:
        path = f"{subject.measured}.{subject.label}"
        try:
            if subject.task == "regression":
                actual_values(table, subject.label, path=path)
            else:
                actual_classes(table, subject.label, subject.predictor.signature.classes, path=path)
        except InputError as error:
            yield error
    if subject.weight is not None and subject.weight not in missing:
        try:
            path = f"{subject.measured}.{subject.weight}"
            _check_largest(weights_of(table, subject.weight, path=path), subject.largest_weight, path)
        except InputError as error:
            yield error


def _check_largest(weights: NDArray[np.float64], largest: float | None, path: str) -> None:
    """`InputError` where a row weighs more than anybody is said to."""
    if largest is None or not (weights > largest).any():
        return
    row = int(np.argmax(weights))
    raise heavier_row(f"row {row}", float(weights[row]), largest, path=path)


def _settings(subject: Subject) -> Iterator[SeatrialError]:
    task = subject.predictor.signature.task
    if subject.task != task:
        yield InputError(
            f"The task is {subject.task}, and the model is for {task}.",
            path="data.task",
            hint=f'Write "{task}", or name another model.',
        )
    elif task == "binary":
        try:
            positive_code(subject)
        except InputError as error:
            yield error
    elif subject.positive is not None:
        hint = "Leave it out; a requirement names its class by of_class."
        yield InputError(
            f"a positive class belongs to a binary model; this one is a {task} model.", path="data.positive", hint=hint
        )
    if subject.clip is not None:
        if subject.task != "regression":
            yield InputError(
                f"clip belongs to a regression; this model is a {subject.task} one.",
                path="data.clip",
                hint="Leave it out.",
            )
        elif not (math.isfinite(subject.clip) and subject.clip > 0):
            hint = "Write the largest error that counts in full, in the label's unit."
            yield InputError(f"{subject.clip:g} is not a positive number.", path="data.clip", hint=hint)
    if subject.largest_weight is not None:
        if subject.weight is None:
            yield weight_column_needed()
        elif not (math.isfinite(subject.largest_weight) and subject.largest_weight > 0):
            yield InputError(
                f"largest_weight must be positive, got {subject.largest_weight:g}.",
                path="policy.largest_weight",
                hint="Write the largest weight that anybody has, drawn or not.",
            )
    if subject.quantile is not None:
        if subject.task != "regression":
            yield InputError(
                f"A {subject.task} model predicts no quantile.", path="data.quantile", hint="Leave it out."
            )
        elif not 0 < subject.quantile < 1:
            yield InputError(
                f"{subject.quantile:g} is not between 0 and 1.", path="data.quantile", hint="Write 0.9 for 90 %."
            )
