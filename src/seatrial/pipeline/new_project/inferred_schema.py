"""What a project is written for, inferred from its table: columns to learn from, columns to leave out, the task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from seatrial.errors import InputError, field
from seatrial.models.columns import holds_numbers, holds_texts
from seatrial.models.signature import Task
from seatrial.rows import Rows, open_rows
from seatrial.rows.delimited import delimiter_of
from seatrial.rows.find_files import sources_at
from seatrial.rows.formats import format_of
from seatrial.trial.label_column import clip_from_labels, read_labels
from seatrial.trial.positive_class import known_positive
from seatrial.trial.question import Question
from seatrial.trial.validate import check_question, groups_of

MOST_TEXTS = 100  # different ones of a column that is a category; beyond are names, dates and free text


@dataclass(frozen=True, slots=True)
class InferredSchema:
    """The columns of a table by their use, the label and the task."""

    format: str  # "csv", "parquet" or "jsonl"
    delimiter: str
    rows: int
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    group_columns: tuple[str, ...]  # columns of groups that are no features
    left_out: tuple[tuple[str, str], ...]  # a column, and why
    label: str
    task: Task
    classes: tuple[str, ...]
    positive: str | None
    groups: tuple[str, ...]
    clip: float | None = None  # of a regression: the largest error that counts in full, to begin with

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for granted, a sentence each."""
        how = f'classes {", ".join(self.classes)}; positive: "{self.positive}"' if self.positive else self.task
        lines = [f'"{self.label}": {how}.']
        lines += [f'"{name}" is left out: {why}.' for name, why in self.left_out]
        return tuple(lines)


@dataclass(slots=True)
class _Summary:
    """What a column holds, over all rows. Not-null values are counted of whole numbers only."""

    values: set[str]
    many: bool = False
    low: float = float("inf")
    high: float = float("-inf")
    not_null: int = 0


def infer_schema(data: str, question: Question) -> InferredSchema:
    """Reads the whole table: its labels, and what every column holds. `InputError` where it cannot be learned from."""
    rows = open_rows(data)
    first = sources_at(data)[0]
    if first.path.endswith(".zst"):  # preparing.py cannot read it
        raise InputError("a .zst file must be unpacked first.", path=first.path, hint=f"zstd -d {first.path}")
    labels = read_labels(rows, question.label)
    check_question(question, labels, origin=rows.origin)
    task = question.task or labels.task
    if task is None:
        raise InputError(
            f'"{question.label}" may hold classes as well as amounts: {len(labels.values or ())} whole numbers.',
            path=rows.origin,
            hint="Say which: --task multiclass, or --task regression.",
        )
    if labels.kind != "text" and task != "regression":
        texts = rows.with_texts([question.label])  # classes as they stand in the file: "TRUE", "1.0"
        if texts is not None:
            rows, labels = texts, read_labels(texts, question.label)
    groups = tuple(dict.fromkeys(column for spec in groups_of(question, rows) for column in spec.sources))
    rows = _codes_as_texts(rows)
    summaries = _summarize(rows)
    numbers, texts_, left_out = [], [], []
    for name in rows.schema.names:
        if name == question.label:
            continue
        kind = rows.schema.field(name).type
        why = _reason_to_leave_out(kind, summaries[name], labels.rows)
        if why is not None:
            left_out.append((name, why))
        elif holds_numbers(kind) and not pa.types.is_boolean(kind):
            numbers.append(name)
        else:
            texts_.append(name)
    if not numbers and not texts_:
        raise InputError(
            "learning takes at least one column beside the label, got 0.",
            path=rows.origin,
            hint=" ".join(f'"{name}": {why}.' for name, why in left_out[:5]) or "Add columns.",
        )
    form = format_of(first.path)
    delimited = form is not None and form.name in ("csv", "tsv")
    return InferredSchema(
        format="csv" if delimited or form is None else form.name,
        delimiter=delimiter_of(first) if delimited else ",",
        rows=labels.rows,
        numbers=tuple(numbers),
        texts=tuple(texts_),
        group_columns=tuple(name for name in groups if name not in numbers and name not in texts_),
        left_out=tuple(left_out),
        label=question.label,
        task=task,
        classes=() if task == "regression" else labels.classes or (),
        positive=_positive(question, labels.classes or (), origin=rows.origin) if task == "binary" else None,
        groups=tuple(question.groups),
        clip=clip_from_labels(rows, question.label) if task == "regression" else None,
    )


def _positive(question: Question, classes: tuple[str, ...], *, origin: str) -> str | None:
    """The positive class: stated, or told by the names. A guess would turn round what every rate is a rate of."""
    positive = question.positive or known_positive(classes)
    if positive is None and len(classes) == 2:
        first, second = classes
        raise InputError(
            f'"{question.label}": the names "{first}" and "{second}" do not tell which class is the positive one, the '
            "one that rates and scores are about.",
            path=origin,
            hint=f"Say which: {field('positive', first)}, or {field('positive', second)}.",
        )
    return positive


def _codes_as_texts(rows: Rows) -> Rows:
    """The rows with whole numbers as texts where some begin with a zero: "01067" is a code, and 1067 another one."""
    whole = [field.name for field in rows.schema if pa.types.is_integer(field.type)]
    texts = rows.with_texts(whole) if whole else None
    if texts is None:
        return rows
    codes: set[str] = set()
    for table in texts.tables(whole):
        for name in whole:
            if name not in codes and pc.any(pc.match_substring_regex(table.column(name), r"^\s*0\d")).as_py():
                codes.add(name)
    return (rows.with_texts(sorted(codes)) or rows) if codes else rows


def _summarize(rows: Rows) -> dict[str, _Summary]:
    summaries = {name: _Summary(set()) for name in rows.schema.names}
    for table in rows.tables():
        for name in table.column_names:
            _add(summaries[name], table.column(name))
    return summaries


def _add(summary: _Summary, values: pa.ChunkedArray[Any]) -> None:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        return
    if pa.types.is_integer(kind):
        low, high = pc.min(values).as_py(), pc.max(values).as_py()
        if low is not None and high is not None:
            summary.low, summary.high = min(summary.low, low), max(summary.high, high)
        summary.not_null += len(values) - values.null_count
    if not summary.many:
        summary.values.update(str(value) for value in pc.unique(values).to_pylist() if value not in (None, ""))
        summary.many = len(summary.values) > MOST_TEXTS


def _reason_to_leave_out(kind: pa.DataType, summary: _Summary, rows: int) -> str | None:
    """Why nothing is to be learned from a column; None where something is."""
    if pa.types.is_null(kind) or (not summary.values and not pa.types.is_nested(kind)):
        return "it is empty"
    if len(summary.values) == 1:
        return f"it is {next(iter(summary.values))!r} in every row"
    if (
        pa.types.is_integer(kind)
        and summary.many
        and summary.not_null == rows
        and summary.high - summary.low + 1 == rows
    ):
        return "it numbers the rows"
    if holds_texts(kind) and summary.many:
        return f"it has more than {MOST_TEXTS} different texts (names, dates or free text)"
    if not holds_texts(kind) and not holds_numbers(kind):
        return f"it holds {kind}"
    return None
