"""What a question leaves open, settled by the data and the model; everything inferred becomes a sentence."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from seatrial.assessors.answers.labels import class_code
from seatrial.errors import InputError
from seatrial.models.signature import Signature, Task
from seatrial.trial.label_column import Labels, likely_positive
from seatrial.trial.question import Question

_SHOWN = 3  # classes named in a line


def check_numbers(question: Question, *, compared: bool) -> None:
    """`InputError` for numbers that cannot be meant, before anything is read. `compared`: with another model."""
    threshold, margin = question.threshold, question.margin
    if threshold is not None and not 0 <= threshold <= 1:
        raise InputError(f"--threshold {threshold:g} is no probability.", hint="It lies between 0 and 1.")
    if margin is not None and not (math.isfinite(margin) and margin >= 0):
        raise InputError(f"--margin {margin:g} is negative or no number.", hint="Write 0.01.")
    if margin is not None and not compared:
        raise InputError("--margin belongs to --against.", hint="Name the model that runs now with --against.")
    if question.seed < 0:
        raise InputError(f"--seed {question.seed} is negative.", hint="Write --seed 7, or another whole number from 0.")
    if not (math.isfinite(question.budget_s) and question.budget_s > 0):
        raise InputError(f"--budget {question.budget_s:g} is no time.", hint="Write seconds: --budget 60.")


def check_question(question: Question, labels: Labels, *, origin: str) -> None:
    """`InputError` where what is asked contradicts what the label column holds."""
    classes = labels.classes
    if question.task == "regression" and labels.kind in ("text", "flag"):
        raise InputError(
            f'--task regression: the label column "{labels.name}" holds {_kind(labels)}, and no numbers.',
            path=origin,
            hint=f"Leave --task out (it looks like {labels.task}), or name another --label.",
        )
    if question.task in ("binary", "multiclass") and labels.kind == "fraction":
        raise InputError(
            f'--task {question.task}: the label column "{labels.name}" holds numbers with fractions, and no classes.',
            path=origin,
            hint="Write --task regression, or name another --label.",
        )
    if question.task == "binary" and classes is not None and len(classes) > 2:
        raise InputError(
            f'--task binary: the label column "{labels.name}" holds {len(classes)} classes: {listed(classes)}.',
            path=origin,
            hint="Write --task multiclass, or name another --label.",
        )
    positive = question.positive
    if positive is not None and classes is not None and len(classes) == 2 and class_code(positive, classes) is None:
        close = difflib.get_close_matches(positive, classes, n=1)
        hint = f'Did you mean "{close[0]}"?' if close else f"There is: {listed(classes)}."
        raise InputError(
            f'--positive {positive}: the label column "{labels.name}" has no such class.', path=origin, hint=hint
        )
    if classes is None and labels.kind == "text":
        raise InputError(
            f'the label column "{labels.name}" has more than a hundred different texts: names or ids, and no classes.',
            path=origin,
            hint="Name another column with --label.",
        )


def wanted_positive(question: Question, labels: Labels) -> str | None:
    """The positive class to ask the model for, as far as the question and the labels tell."""
    if question.positive is not None:
        return question.positive
    if question.task in (None, "binary") and labels.classes is not None:
        return likely_positive(labels.classes)
    return None


def check_signature(question: Question, labels: Labels, signature: Signature, *, model: str) -> None:
    """`InputError` where the opened model cannot be held against these labels."""
    task = signature.task
    if task == "regression" and labels.kind in ("text", "flag"):
        raise InputError(
            f'it answers with a number, and the label column "{labels.name}" holds {_kind(labels)}: '
            f"{listed(labels.values or ())}.",
            path=model,
            hint="Name a numeric column with --label, or export the model with its classes.",
        )
    if task != "regression" and labels.kind == "fraction":
        raise InputError(
            f"it answers with one of the classes {listed(signature.classes)}, and the label column "
            f'"{labels.name}" holds numbers with fractions.',
            path=model,
            hint="Name the column of classes with --label.",
        )
    if question.threshold is not None and signature.threshold is None:
        without = "without probabilities " if task == "binary" else ""
        raise InputError(
            f"--threshold {question.threshold:g}: a {task} model {without}has no threshold.",
            path=model,
            hint="Leave it out.",
        )
    if question.positive is not None and task != "binary":
        raise InputError(
            f"--positive {question.positive}: a {task} model has no positive class.", path=model, hint="Leave it out."
        )


def assumptions(question: Question, labels: Labels, signature: Signature, *, notes: Sequence[str]) -> tuple[str, ...]:
    """What was taken for granted because nobody said it, after what the model's own `notes` say of it."""
    said = list(notes)
    if question.task is None and not any(note.startswith("task: ") for note in notes):
        said.append(f"task: {signature.task}, {_why(signature.task, labels)}")
    told = any(note.startswith("positive: ") for note in notes)
    if signature.task == "binary" and question.positive is None and signature.positive is not None and not told:
        other = next(name for name in signature.classes if name != signature.positive)
        said.append(f'positive: "{signature.positive}" and not "{other}" (--positive says otherwise)')
    return tuple(said)


def listed(names: tuple[str, ...]) -> str:
    """The first few names, quoted, and how many more there are."""
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _why(task: Task, labels: Labels) -> str:
    if task == "regression":
        return f'for "{labels.name}" holds {_kind(labels)} and the model answers with one'
    count = len(labels.classes or ())
    return f'for "{labels.name}" holds {count} class{"" if count == 1 else "es"}'


def _kind(labels: Labels) -> str:
    return {"text": "text", "flag": "true and false", "whole": "whole numbers", "fraction": "numbers"}[labels.kind]
