"""What a service's answers mean: labels, probabilities or values, found on the first rows and then held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError, TargetError, field
from seatrial.models.finished.onnx.classes import in_order, name_classes
from seatrial.models.finished.options import ModelOptions
from seatrial.models.predictor import Predictions, sum_tolerance
from seatrial.models.signature import Task

THRESHOLD = 0.5
_HALF = 0.5

# By name, one array an output: float64 or object (texts), [rows] or [rows, k]; None where a value is missing is NaN.
Answers = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Which output is what. `names`: what a label that is a number stands for."""

    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float | None = None
    label: str | None = None
    probability: str | None = None
    value: str | None = None
    interval: tuple[str, str] | None = None
    names: Mapping[float, str] | None = None
    stacked: bool = False  # the outputs are the probabilities of the classes, each by its class's name
    notes: tuple[str, ...] = ()

    def read(self, answers: Answers, *, address: str) -> Predictions:
        """The answers as predictions; a `TargetError` where an output is not there or holds what it cannot."""
        if self.stacked and set(self.classes) <= answers.keys():
            answers = {self.probability or "": np.column_stack([answers[name] for name in self.classes])}
        for name in (self.label, self.probability, self.value, *(self.interval or ())):
            if name is not None and name not in answers:
                raise TargetError(
                    f"the endpoint left out its output {name!r}, which it gave before.",
                    path=address,
                    hint="Look at the service's log.",
                )
        if self.value is not None:
            bounds = None if self.interval is None else np.column_stack([answers[name] for name in self.interval])
            return Predictions(_numbers(answers[self.value], self.value, address), None, bounds)
        probabilities = None
        if self.probability is not None:
            probabilities = self._probabilities(answers[self.probability], address)
        if self.label is None:
            assert probabilities is not None  # noqa: S101  # one of the two is there
            return Predictions(self._answered(probabilities), probabilities)
        return Predictions(self._labels(answers[self.label], address), probabilities)

    def _probabilities(self, output: NDArray[Any], address: str) -> NDArray[np.float64]:
        numbers = _numbers(output, self.probability or "", address)
        if numbers.ndim == 1 and self.positive is not None:
            numbers = np.column_stack([numbers if name == self.positive else 1 - numbers for name in self.classes])
        if numbers.ndim != 2 or numbers.shape[1] != len(self.classes):
            raise TargetError(
                f"the endpoint gives probabilities of shape {list(output.shape)} for {len(self.classes)} classes.",
                path=address,
                hint="Look at the service's log.",
            )
        return numbers

    def _answered(self, probabilities: NDArray[np.float64]) -> NDArray[np.object_]:
        names = np.array(self.classes, object)
        if self.positive is None:
            answered: NDArray[np.object_] = names[np.argmax(probabilities, axis=1)]
            return answered
        place = self.classes.index(self.positive)
        least = THRESHOLD if self.threshold is None else self.threshold
        return np.array(names[np.where(probabilities[:, place] >= least, place, 1 - place)], object)

    def _labels(self, output: NDArray[Any], address: str) -> NDArray[np.object_]:
        if output.dtype != object:
            names = self.names or {}
            different = {float(value): names.get(float(value)) for value in np.unique(output)}
            labels = np.array([different.get(float(value)) for value in output], object)
        else:
            different = {value: value if value in self.classes else None for value in set(output.tolist())}
            labels = output
        strange = [value for value, name in different.items() if name is None]
        if strange:
            raise TargetError(
                f"the endpoint answers {strange[0]!r}, which is none of the classes {', '.join(self.classes)}.",
                path=address,
                hint=f"Name every class of the model: {field('classes', 'a,b,c')}.",
            )
        return labels


def recognise_answers(
    answers: Answers,
    *,
    declared: tuple[str, ...] | None,
    labels: Sequence[str] | None,
    options: ModelOptions,
    address: str,
) -> Reading:
    """What the outputs are, from what they hold for the first rows.

    `declared` are the classes that the service names; `labels` the label column's values where they look like classes.
    """
    class_outputs = tuple(name for name in options.classes or labels or () if name in answers)
    if len(class_outputs) == len(answers) > 1:
        return _stacked(class_outputs, options)
    task = options.task or ("regression" if labels is None and options.classes is None and declared is None else None)
    if "value" in answers and task is None and not _texts(answers):
        task = "regression"
    if task == "regression":
        return _regression(answers, address)
    probability = _probability(answers, classes=options.classes or declared or labels)
    label = _label(answers, leave=probability)
    if task is None and probability is None and label is None and len(answers) == 1 and _measured(answers):
        return replace(_regression(answers, address), notes=("task: regression, for it answers with fractions",))
    if probability is None and label is None:
        raise _unclear(answers, address)
    notes: list[str] = []
    classes, names = _classes(answers, label, probability, declared, labels, options, address, notes)
    if len(classes) < 2:
        raise TargetError(
            "the endpoint gives one class only.", path=address, hint=f"Name its classes: {field('classes', 'a,b')}."
        )
    positive = None
    if len(classes) == 2:
        positive = options.positive if options.positive is not None else classes[-1]
        if positive not in classes:
            raise InputError(
                f"positive {positive!r} is none of the classes {', '.join(classes)}.",
                path=address,
                hint=f"Write {field('positive')} with one of them.",
            )
    if label is not None and probability is not None and options.threshold is not None:
        label = None
        notes.append(f"answers: from its probabilities at the threshold {options.threshold:g}, not its own labels")
    threshold = None
    if label is None and positive is not None:
        threshold = THRESHOLD if options.threshold is None else options.threshold
    reading = Reading(
        "binary" if len(classes) == 2 else "multiclass",
        classes=classes,
        positive=positive,
        threshold=threshold,
        label=label,
        probability=probability,
        names=names,
        notes=tuple(notes),
    )
    _check_agreement(reading, answers, address)
    return reading


def _stacked(classes: tuple[str, ...], options: ModelOptions) -> Reading:
    positive = (options.positive or classes[-1]) if len(classes) == 2 else None
    return Reading(
        "multiclass" if positive is None else "binary",
        classes=classes,
        positive=positive,
        threshold=None if positive is None else THRESHOLD if options.threshold is None else options.threshold,
        probability="probability",
        stacked=True,
    )


def _regression(answers: Answers, address: str) -> Reading:
    numbers = [name for name, output in answers.items() if output.dtype != object and output.ndim == 1]
    value = "value" if "value" in numbers else numbers[0] if len(numbers) == 1 else None
    if value is None:
        raise _unclear(answers, address)
    interval = ("lower", "upper") if {"lower", "upper"} <= set(numbers) else None
    return Reading("regression", value=value, interval=interval)


def _sums_to_1(values: NDArray[Any]) -> bool:
    return bool((np.abs(values.sum(axis=1) - 1) <= sum_tolerance(values.shape[1])).all())


def _probability(answers: Answers, *, classes: Sequence[str] | None) -> str | None:
    numbers = {name: output for name, output in answers.items() if output.dtype != object}
    whole = [name for name, output in numbers.items() if output.ndim == 2 and _unit(output) and _sums_to_1(output)]
    if whole:
        return next((name for name in whole if "prob" in name.lower()), whole[0])
    if classes is not None and len(classes) != 2:
        return None
    candidates = [
        name
        for name, output in numbers.items()
        if output.ndim == 1 and _unit(output) and ("prob" in name.lower() or bool((output != np.round(output)).any()))
    ]
    return candidates[0] if len(candidates) == 1 else None


def _measured(answers: Answers) -> bool:
    return all(output.dtype != object and output.ndim == 1 for output in answers.values())


def _unit(output: NDArray[Any]) -> bool:
    return bool(((output >= 0) & (output <= 1)).all())  # NaN is neither


def _label(answers: Answers, *, leave: str | None) -> str | None:
    texts = _texts(answers)
    if texts:
        return texts[0]
    whole = [
        name
        for name, output in answers.items()
        if name != leave and output.ndim == 1 and bool((output == np.round(output)).all())
    ]
    return whole[0] if whole else None


def _texts(answers: Answers) -> list[str]:
    return [name for name, output in answers.items() if output.dtype == object and output.ndim == 1]


def _classes(
    answers: Answers,
    label: str | None,
    probability: str | None,
    declared: tuple[str, ...] | None,
    labels: Sequence[str] | None,
    options: ModelOptions,
    address: str,
    notes: list[str],
) -> tuple[tuple[str, ...], Mapping[float, str] | None]:
    """The classes, and what numbers among the labels stand for."""
    count = 2 if probability is None or answers[probability].ndim == 1 else answers[probability].shape[1]
    label_values = answers[label] if label is not None else None
    texts = None if label_values is None or label_values.dtype != object else {str(value) for value in label_values}
    if probability is not None:
        names = declared
        if names is None and labels is not None and len(labels) == count and (texts is None or texts <= set(labels)):
            names = tuple(in_order(labels))
            notes.append(f"classes: {', '.join(names)}, the label's values in their order, for the service names none")
        naming = name_classes(count, declared=names, labels=labels, requested=options.classes, path=address)
        notes += [naming.note] if naming.note and names is None else []
        classes = naming.classes
    else:
        classes = options.classes or declared or tuple(in_order(sorted({*(labels or ()), *(texts or ())})))
        if declared is None and options.classes is None:
            notes.append(f"classes: {', '.join(classes)}, for the service names none; it gives no probabilities")
    if label_values is None or label_values.dtype == object:
        return classes, None
    numbers = {_number(name): name for name in classes}
    if None not in numbers and {float(value) for value in label_values} <= numbers.keys():
        return classes, {float(number): name for number, name in numbers.items() if number is not None}
    if label_values.max(initial=0) < len(classes) and label_values.min(initial=0) >= 0:
        notes.append(f"labels: 0 to {len(classes) - 1} stand for {', '.join(classes)}")
        return classes, {float(code): name for code, name in enumerate(classes)}
    raise TargetError(
        f"the endpoint answers {label_values.max():g}, which is none of the classes {', '.join(classes)}.",
        path=address,
        hint=f"Name every class of the model: {field('classes', 'a,b,c')}.",
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _check_agreement(reading: Reading, answers: Answers, address: str) -> None:
    """Labels that mostly contradict the likeliest class mean that the classes are taken in a wrong order."""
    if reading.label is None or reading.probability is None:
        return
    predictions = reading.read(answers, address=address)
    assert predictions.probabilities is not None  # noqa: S101  # asked for above
    likeliest = np.array(reading.classes, object)[np.argmax(predictions.probabilities, axis=1)]
    sure = predictions.probabilities.max(axis=1) > _HALF
    if sure.any() and float(np.mean(likeliest[sure] == predictions.labels[sure])) < _HALF:
        raise InputError(
            f"the endpoint's labels contradict its probabilities, if these are of {', '.join(reading.classes)} in this "
            "order.",
            path=address,
            hint=f"Name the classes in the order of its probabilities: {field('classes', 'a,b,c')}.",
        )


def _numbers(output: NDArray[Any], name: str, address: str) -> NDArray[np.float64]:
    if output.dtype == object:
        raise TargetError(
            f"the endpoint gives texts in {name!r}, where it gave numbers before.",
            path=address,
            hint="Look at the service's log.",
        )
    return np.asarray(output, np.float64)


def _unclear(answers: Answers, address: str) -> TargetError:
    shown = ", ".join(
        f"{name} {'text' if output.dtype == object else 'number'}{list(output.shape)}"
        for name, output in answers.items()
    )
    return TargetError(
        f"the endpoint's answers are neither labels nor probabilities nor values: {shown or 'nothing'}.",
        path=address,
        hint=f"Say what is meant with {field('task')}; probabilities lie between 0 and 1 and sum to 1.",
    )
