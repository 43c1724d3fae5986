"""What a question leaves open, settled by the data and the model; everything inferred becomes a sentence."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

import pyarrow as pa

from seatrial.assessors.answers.labels import class_code
from seatrial.assessors.contingency.group_specs import GroupSpec, parse_groups, suggestion
from seatrial.errors import InputError, field
from seatrial.models.signature import Signature, Task
from seatrial.rows import Rows
from seatrial.trial.label_column import Labels, check_column, likely_positive
from seatrial.trial.model import Model
from seatrial.trial.question import Question
from seatrial.verdicts.policy import Policy

_SHOWN = 3  # classes named in a line


def check_numbers(question: Question, *, compared: bool) -> None:
    """`InputError` for numbers that cannot be meant, before anything is read. `compared`: with another model."""
    threshold, margin = question.threshold, question.margin
    if threshold is not None and not 0 <= threshold <= 1:
        raise InputError(
            f"{field('threshold')} must be between 0 and 1, got {threshold:g}.",
            hint="Write a probability.",
        )
    if margin is not None and not (math.isfinite(margin) and margin >= 0):
        raise InputError(
            f"{field('margin')} must be a number from 0, got {margin:g}.", hint=f"Write {field('margin', '0.01')}."
        )
    if margin is not None and not compared:
        raise InputError(
            f"{field('margin')} needs {field('against')}.", hint=f"Name the model that runs now: {field('against')}."
        )
    if question.seed < 0:
        raise InputError(
            f"{field('seed')} must be a whole number from 0, got {question.seed}.", hint=f"Write {field('seed', '7')}."
        )
    if not (math.isfinite(question.budget_s) and question.budget_s > 0):
        raise InputError(
            f"{field('budget_s')} must be more than 0 seconds, got {question.budget_s:g}.",
            hint=f"Write {field('budget_s', '60')}.",
        )


def check_question(question: Question, labels: Labels, *, origin: str) -> None:
    """`InputError` where what is asked contradicts what the label column holds."""
    classes = labels.classes
    if question.task == "regression" and labels.kind in ("text", "flag"):
        raise InputError(
            f'{field("task", "regression")}: the label column "{labels.name}" holds {_kind(labels)}, and no numbers.',
            path=origin,
            hint=f"Leave {field('task')} out (it looks like {labels.task}), or name another {field('label')}.",
        )
    if question.task in ("binary", "multiclass") and labels.kind == "fraction":
        raise InputError(
            f'{field("task", question.task)}: the label column "{labels.name}" holds numbers with fractions, '
            "not classes.",
            path=origin,
            hint=f"Write {field('task', 'regression')}, or name another {field('label')}.",
        )
    if question.task == "binary" and classes is not None and len(classes) > 2:
        raise InputError(
            f'{field("task", "binary")}: the label column "{labels.name}" holds {len(classes)} classes: '
            f"{listed(classes)}.",
            path=origin,
            hint=f"Write {field('task', 'multiclass')}, or name another {field('label')}.",
        )
    positive = question.positive
    if positive is not None and classes is not None and len(classes) == 2 and class_code(positive, classes) is None:
        close = difflib.get_close_matches(positive, classes, n=1)
        hint = f'Did you mean "{close[0]}"?' if close else f"There is: {listed(classes)}."
        raise InputError(
            f'{field("positive", positive)}: the label column "{labels.name}" does not have this class.',
            path=origin,
            hint=hint,
        )
    if classes is None and labels.kind == "text":
        raise InputError(
            f'the label column "{labels.name}" has more than a hundred different texts: names or ids, and no classes.',
            path=origin,
            hint=f"Name another column: {field('label')}.",
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
            hint=f"Name a numeric column as {field('label')}, or export the model with its classes.",
        )
    if task != "regression" and labels.kind == "fraction":
        raise InputError(
            f"the model answers with one of the classes {listed(signature.classes)}, and the label column "
            f'"{labels.name}" holds numbers with fractions.',
            path=model,
            hint=f"Name the column of classes: {field('label')}.",
        )
    if question.threshold is not None and signature.threshold is None:
        what = "gives no probabilities" if task == "binary" else f"is a {task} model"
        raise InputError(
            f"{field('threshold', f'{question.threshold:g}')}: a threshold is for two classes with "
            f"probabilities; this model {what}.",
            path=model,
            hint="Leave it out.",
        )
    if question.positive is not None and task != "binary":
        raise InputError(
            f"{field('positive', question.positive)}: a positive class belongs to a binary model; this one is a {task} "
            "model.",
            path=model,
            hint="Leave it out.",
        )


def assumptions(question: Question, labels: Labels, signature: Signature, *, notes: Sequence[str]) -> tuple[str, ...]:
    """What was taken for granted because nobody said it, after what the model's own `notes` say of it."""
    lines = list(notes)
    if question.task is None and not any(note.startswith("task: ") for note in notes):
        lines.append(f"task: {signature.task}, {_why(signature.task, labels)}")
    noted = any(note.startswith("positive: ") for note in notes)
    if signature.task == "binary" and question.positive is None and signature.positive is not None and not noted:
        negative = next(name for name in signature.classes if name != signature.positive)
        lines.append(f'positive: "{signature.positive}" and not "{negative}" ({field("positive")} says otherwise)')
    if question.weight is not None and question.largest_weight is None:
        alternative = f"{field('largest_weight')} states another"
        supposed = f'nobody weighs more than the heaviest row, by "{question.weight}"'
        lines.append(f"weights: bounds suppose that {supposed} ({alternative})")
    return tuple(lines)


def groups_of(question: Question, rows: Rows) -> tuple[GroupSpec, ...]:
    """The groupings that were asked for, and the weight, checked against the columns that there are."""
    specs = parse_groups(question.groups, rows.schema.names)
    for spec in specs:
        for column in spec.sources:
            check_column(rows, column, "groups")
            if pa.types.is_nested(kind := rows.schema.field(column).type):
                raise InputError(
                    f"{field('groups', column)}: the column holds {kind}, and groups are of single values.",
                    path=rows.origin,
                    hint="Name another column.",
                )
    if question.weight is not None:
        check_column(rows, question.weight, "weight")
        kind = rows.schema.field(question.weight).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise InputError(
                f"{field('weight', question.weight)}: the column holds {kind}, and weights are numbers.",
                path=rows.origin,
                hint="Name the column that says how many people a row stands for.",
            )
    return specs


def check_applies(policy: Policy, absent: Sequence[str]) -> None:
    """`InputError` where the policy asks only for comparisons with models of which there is none: it judges nothing."""
    if policy.require and all(requirement.no_worse_than in absent for requirement in policy.require):
        raise InputError(
            f"the policy asks only for comparisons with {', '.join(absent)}, and these models are not named.",
            path=field("policy"),
            hint=f"Name the model that runs now: {field('against')}.",
        )


def check_time(policy: Policy, rows: Rows) -> None:
    """`InputError` where the rows do not have the column that says, by the policy, when they were."""
    if policy.time is not None and policy.time not in rows.schema.names:
        raise InputError(
            f'the policy names "{policy.time}" as the column of time, and the rows do not have it.',
            path=rows.origin,
            hint=suggestion(policy.time, rows.schema.names),
        )


def check_reference(model: Model, reference: Model, rows: Rows) -> None:
    """`InputError` where a model would be compared with itself, with one of another task, or on rows it cannot take."""
    if reference.identity is not None and reference.identity == model.identity:
        raise InputError(
            f"{field('against', reference.name)} must be another model than {model.name}, and is the same.",
            path=reference.name,
            hint="Name the model that runs now.",
        )
    if reference.signature.task != model.signature.task:
        raise InputError(
            f"{field('against', reference.name)} is a {reference.signature.task} model, and {model.name} a "
            f"{model.signature.task} one.",
            path=reference.name,
            hint="Compare models of one task.",
        )
    for column in reference.signature.inputs:
        if column.name not in rows.schema.names:
            raise InputError(
                f"the rows do not have the column {column.name!r}, which {reference.name} takes.",
                path=rows.origin,
                hint=f"Give them all columns that either model takes, or name another model: {field('against')}.",
            )


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
