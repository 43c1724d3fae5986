"""Which of a finished graph's outputs are its answers, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto

from seatrial.errors import InputError, field
from seatrial.models.finished.onnx.classes import declared_classes, in_order, name_classes
from seatrial.models.finished.onnx.intervals import find_interval
from seatrial.models.finished.onnx.scores import (
    APART,
    check_probabilities,
    looks_like_probabilities,
    meaning_of,
    operator_behind,
)
from seatrial.models.finished.options import ModelOptions
from seatrial.models.signature import Task

THRESHOLD = 0.5  # where no other is options: what a label of two classes means to every framework

Answers = Mapping[str, NDArray[Any]]
Form = Literal["probabilities", "logits", "labels", "values", "interval"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """The answers and their meaning: what the signature and the last nodes of the package are made of.

    `tensors` are the scores ([n, classes], one column, that of the second class, or one tensor a class), the label,
    the value, or what `find_interval` found. `label` is the file's own label, where it gives one beside its scores.
    """

    form: Form
    task: Task
    tensors: tuple[str, ...]
    columns: tuple[int, ...] = ()  # of an interval in one tensor: predicted, lower, upper
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float | None = None
    label: str | None = None
    one_column: bool = False  # scores of the second class alone
    label_is: Literal["text", "number", "position"] = "text"  # of labels: the name, a number as name, or a place
    notes: tuple[str, ...] = ()
    guessed: bool = False  # the order of the classes: nothing names them


def recognise(
    graph: GraphProto,
    answers: Answers,
    *,
    declared: Mapping[str, tuple[str, ...] | None],
    labels: Sequence[str] | None,
    options: ModelOptions,
    real: bool,
    path: str,
) -> Outputs:
    """The outputs that are answers, by what the graph gave for some rows (`real`: of the table).

    `declared` are the classes that the file names for a tensor, `labels` the values of the table's label. An
    `InputError` names the output that no answer can be made of, and the way out.
    """
    outputs = _recognised(graph, answers, declared, labels, options, real=real, path=path)
    if options.threshold not in (None, THRESHOLD) and outputs.threshold is None:  # the usual one asks for nothing
        what = "a model without probabilities" if outputs.form == "labels" else f"a {outputs.task} model"
        raise InputError(
            f"a threshold belongs to the probabilities of two classes; this is {what}.",
            path=path,
            hint=f"Leave {field('threshold')} out.",
        )
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise InputError(f"{field('threshold')} must be between 0 and 1, got {options.threshold:g}.")
    return outputs


def _recognised(
    graph: GraphProto,
    answers: Answers,
    declared: Mapping[str, tuple[str, ...] | None],
    labels: Sequence[str] | None,
    options: ModelOptions,
    *,
    real: bool,
    path: str,
) -> Outputs:
    label = next((name for name, values in answers.items() if values.dtype.kind in "OUbiu"), None)
    numbers = {name: _matrix(name, values, path) for name, values in answers.items() if values.dtype.kind == "f"}
    if label is None and not numbers:
        raise InputError("the model gives no numbers and no labels.", path=path, hint="Export it with its answers.")
    if _is_regression(graph, label, numbers, labels, options, path):
        return _regression(answers, label, numbers, options, real=real, path=path)
    if not numbers:
        assert label is not None  # noqa: S101  # one of both is there
        return _labels_only(graph, answers[label].reshape(-1), label, labels, options, path)
    return _classifier(graph, label, numbers, declared, labels, options, real=real, path=path)


def _matrix(name: str, values: NDArray[Any], path: str) -> NDArray[Any]:
    if not 1 <= values.ndim <= 2:
        raise InputError(
            f'the model\'s output "{name}" has the shape {list(values.shape)}.',
            path=path,
            hint="Export it with one value, or one probability a class, for each row.",
        )
    return values.reshape(len(values), -1) if len(values) else values.reshape(0, values.shape[-1])


def _is_regression(
    graph: GraphProto,
    label: str | None,
    numbers: Answers,
    labels: Sequence[str] | None,
    options: ModelOptions,
    path: str,
) -> bool:
    if options.task is not None:
        if options.task == "regression" and options.classes:
            raise InputError(
                "classes belong to a classifier; this model is a regression.",
                path=path,
                hint=f"Leave {field('classes')} out.",
            )
        return options.task == "regression"
    if label is not None or options.classes is not None or options.positive is not None:
        return False
    if any(_is_activated(graph, name) for name in numbers):
        return False
    widest: int = max(values.shape[1] for values in numbers.values())
    if labels is None:
        if widest > 1 and not _may_be_interval(numbers):
            raise InputError(
                f"the model gives {widest} numbers a row, and the table's label does not have classes.",
                path=path,
                hint=f"Say what it is: {field('task')} multiclass, binary or regression.",
            )
        return True
    return bool(widest == 1 and len(labels) > 2)


def _may_be_interval(numbers: Answers) -> bool:
    total: int = sum(values.shape[1] for values in numbers.values())
    return total == 3


def _regression(
    answers: Answers, label: str | None, numbers: Answers, options: ModelOptions, *, real: bool, path: str
) -> Outputs:
    notes = () if options.task else ("task: regression, for the model gives numbers without classes",)
    if not numbers and label is not None and answers[label].dtype.kind in "iu":
        numbers = {label: _matrix(label, answers[label], path)}
    total = sum(values.shape[1] for values in numbers.values())
    if total == 1:
        return Outputs("values", "regression", tuple(numbers), notes=notes)
    if not _may_be_interval(numbers):
        shapes = ", ".join(f"{name} [rows, {values.shape[1]}]" for name, values in numbers.items())
        raise InputError(
            f"a regression gives one value a row, or a value with a lower and an upper one; this model gives "
            f"{shapes or 'labels'}.",
            path=path,
            hint="Export it with one of these outputs; a model of several targets is as many models.",
        )
    interval = find_interval(numbers, real=real, path=path)
    return Outputs("interval", "regression", interval.tensors, interval.columns, notes=(*notes, interval.note))


def _labels_only(
    graph: GraphProto,
    answered: NDArray[Any],
    label: str,
    labels: Sequence[str] | None,
    options: ModelOptions,
    path: str,
) -> Outputs:
    texts = {_text(value) for value in answered.tolist()}
    declared = declared_classes(graph, [label])
    numbered = answered.dtype.kind in "biu"
    names = options.classes or declared
    if names is None and numbered and labels is not None and not texts <= set(labels):
        codes = {str(code) for code in range(len(labels))}
        names = tuple(labels) if texts <= codes else None
    classes = names or tuple(in_order(sorted(texts | set(labels or ()))))
    by_position = numbered and not texts <= set(classes)
    if by_position and not texts <= {str(code) for code in range(len(classes))}:
        raise InputError(
            f'the model\'s output "{label}" gives {", ".join(sorted(texts))}, the classes are {", ".join(classes)}.',
            path=path,
            hint=f"Name the classes that it answers with: {field('classes', 'a,b,c')}.",
        )
    if len(classes) < 2:
        raise InputError(
            f'the model\'s output "{label}" gives one class only: {", ".join(classes)}.',
            path=path,
            hint=f"Name all that there are: {field('classes', 'a,b,c')}.",
        )
    task = _task(len(classes), options, path)
    positive, notes = _positive(classes, options, path) if task == "binary" else (None, ())
    unmeasured = "labels without probabilities: what needs scores (log loss, ROC AUC, calibration) is not measured"
    order = f", as 0 to {len(classes) - 1}" if by_position else ""
    otherwise = "" if options.classes else f" ({field('classes')} says otherwise)"
    notes = (unmeasured, f"classes: {', '.join(classes)}{order}{otherwise}", *notes)
    return Outputs(
        "labels",
        task,
        (label,),
        classes=classes,
        positive=positive,
        label_is="position" if by_position else "number" if numbered else "text",
        notes=notes,
        guessed=by_position and options.classes is None and declared is None,
    )


def _classifier(
    graph: GraphProto,
    label: str | None,
    numbers: Answers,
    declared: Mapping[str, tuple[str, ...] | None],
    labels: Sequence[str] | None,
    options: ModelOptions,
    *,
    real: bool,
    path: str,
) -> Outputs:
    apart = _one_each(numbers)
    tensor = next(iter(numbers)) if apart else _scores(graph, numbers, options, labels, path)
    scores = np.concatenate(list(numbers.values()), axis=1) if apart else numbers[tensor]
    meaning = (
        APART
        if apart
        else meaning_of(
            graph,
            tensor,
            scores,
            real=real,
            is_classifier=options.task is not None or options.classes is not None,
            path=path,
        )
    )
    if meaning.probabilities:
        check_probabilities(scores, tensor, path)
    count = max(2, scores.shape[1])
    from_file = declared.get(tensor) or declared_classes(graph, [*([label] if label else []), tensor])
    naming = name_classes(count, declared=from_file, labels=labels, requested=options.classes, path=path)
    task = _task(count, options, path)
    notes: list[str] = [] if options.task else [f"task: {task}, for the model tells {count} classes apart"]
    ordered = naming.classes
    positive: str | None = None
    guessed = naming.guessed
    if task == "binary":
        if scores.shape[1] == 1 and options.classes is None and from_file is None and options.positive == ordered[0]:
            ordered, guessed = ordered[::-1], True  # without names, it is the probability of what is asked for
        positive, positive_notes = _positive(ordered, options, path)
        notes += positive_notes
    notes += [naming.note] if naming.note else []
    what = "probabilities" if meaning.probabilities else "logits"
    of_class = f', of "{ordered[1]}"' if scores.shape[1] == 1 else ""
    source = f"outputs {', '.join(numbers)}" if apart else f'output "{tensor}"'
    notes.append(f"{source}: {what}{of_class}, for {meaning.because}")
    return Outputs(
        "probabilities" if meaning.probabilities else "logits",
        task,
        tuple(numbers) if apart else (tensor,),
        classes=ordered,
        positive=positive,
        threshold=(THRESHOLD if options.threshold is None else options.threshold) if task == "binary" else None,
        label=label,
        one_column=scores.shape[1] == 1,
        notes=tuple(notes),
        guessed=guessed,
    )


def _scores(graph: GraphProto, numbers: Answers, options: ModelOptions, labels: Sequence[str] | None, path: str) -> str:
    if len(numbers) == 1:
        return next(iter(numbers))
    counts = {len(names) for names in (options.classes, labels) if names}
    for candidates in (
        [name for name in numbers if _is_activated(graph, name)],
        [name for name in numbers if "prob" in name.lower()],
        [name for name in numbers if numbers[name].shape[1] in counts],
    ):
        if len(candidates) == 1:
            return candidates[0]
    raise InputError(
        f"the model has {len(numbers)} outputs of numbers, {', '.join(numbers)}: none is plainly the probabilities.",
        path=path,
        hint='Export it with one of them, or name the one that is meant "probabilities".',
    )


def _one_each(numbers: Answers) -> bool:
    """Whether each class has an output of its own, as skl2onnx's zipmap="columns" writes them."""
    columns = list(numbers.values())
    alone = len(columns) > 1 and all(values.shape[1] == 1 for values in columns)
    return alone and looks_like_probabilities(np.concatenate(columns, axis=1))


def _is_activated(graph: GraphProto, tensor: str) -> bool:
    return operator_behind(graph, tensor) in ("Softmax", "Sigmoid")


def _task(count: int, options: ModelOptions, path: str) -> Task:
    if options.task == "binary" and count != 2:
        raise InputError(
            f"the model tells {count} classes apart, and is to be binary.",
            path=path,
            hint=f"Give {field('task', 'multiclass')}.",
        )
    return options.task or ("binary" if count == 2 else "multiclass")


def _positive(classes: tuple[str, ...], options: ModelOptions, path: str) -> tuple[str, tuple[str, ...]]:
    if options.positive is None:
        return classes[1], (f'positive: "{classes[1]}", the second class',)
    if options.positive not in classes:
        raise InputError(
            f'the positive class "{options.positive}" is not among the classes {", ".join(classes)}.',
            path=path,
            hint=f"Name one of them: {field('positive')}.",
        )
    return options.positive, ()


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
