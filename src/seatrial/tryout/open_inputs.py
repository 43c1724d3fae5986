"""From whatever somebody hands over (paths, addresses, frames, functions) to an attempt, one step after the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.rows import Rows, open_rows, rows_of
from seatrial.rows.address import format_of
from seatrial.trial.data_checks.data_checks import Doubts
from seatrial.trial.label_column import Labels, has_label, read_labels
from seatrial.trial.question import Question
from seatrial.trial.validate import check_numbers, check_question
from seatrial.tryout.assessment import Assessment
from seatrial.tryout.attempt import ProgressCallback, Training, attempt, groups_of, no_progress, policy_for
from seatrial.tryout.fitted_model import is_fitted, open_fitted
from seatrial.tryout.function_model import PLACE, eager, open_function, with_places
from seatrial.tryout.opened_model import Model, is_address, open_model, texts_of
from seatrial.tryout.policy_file import DEFAULT


def try_model(
    model: Any,
    data: Any,
    question: Question,
    *,
    state: Path,
    now: datetime,
    policy: str = DEFAULT,
    train: Any = None,
    against: str | Path | None = None,
    columns: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    token: str | None = None,
    on_progress: ProgressCallback = no_progress,
    reproduce: tuple[str, ...] = (),
) -> Assessment:
    """Opens everything, then tries it. See `assess` for what `model`, `data` and `train` may be."""
    check_numbers(question, compared=against is not None)
    on_progress("opening the data", 0, None)
    rows = _rows(data, columns)
    specs = groups_of(question, rows)
    labels = read_labels(
        rows, question.label, on_progress=lambda done: on_progress("reading the labels", done, rows.rows)
    )
    check_question(question, labels, origin=rows.origin)
    on_progress("opening the model", 0, None)
    opened, rows = _open(
        model, data, rows, question=question, labels=labels, classes=classes, token=token, on_progress=on_progress
    )
    other = None
    if against is not None:
        other = open_model(against, rows, question=question, labels=labels, like=opened.signature, token=token)
    doubts = Doubts(
        rows.schema,
        label=question.label,
        task=opened.signature.task,
        inputs=[column.name for column in opened.signature.inputs],
        groups=specs,
        vocabularies=opened.vocabularies,
    )
    training = None if train is None else _training(train, rows, question.label, doubts, on_progress)
    return attempt(
        question,
        opened,
        rows,
        labels,
        policy=policy_for(policy, question, specs, opened.signature.task, None if other is None else other.name),
        groups=specs,
        state=state,
        now=now,
        against=other,
        training=training,
        doubts=doubts,
        on_progress=on_progress,
        reproduce=reproduce,
    )


def _rows(data: Any, columns: Sequence[str] | None) -> Rows:
    return open_rows(data) if isinstance(data, str | Path) else rows_of(data, columns)


def _training(train: Any, rows: Rows, label: str, doubts: Doubts, on_progress: ProgressCallback) -> Training | None:
    """Shows the training set to `doubts`, and keeps its labels and its first rows."""
    # Of a file of text: as in the rows that are measured, which may have whole numbers where this has fractions.
    types = {
        field.name: pa.float64() if pa.types.is_integer(field.type) else field.type
        for field in rows.schema
        if not pa.types.is_null(field.type)
    }
    known = open_rows(train, types=types) if isinstance(train, str | Path) else rows_of(train)
    labels, first, done = [], None, 0
    try:
        known.check_columns(doubts.train_columns)
    except InputError as error:
        raise InputError(f"--train: {error.problem}", path=error.path, hint=error.hint) from None
    for table in known.tables(doubts.train_columns):
        doubts.see_train(table)
        done += table.num_rows
        on_progress("reading the training set", done, known.rows)
        labelled = table.filter(pa.array(has_label(table.column(label))))
        labels.append(labelled.select([label]))
        first = first if first is not None else labelled
    return None if first is None else Training(pa.concat_tables(labels), first)


def _open(
    model: Any,
    data: Any,
    rows: Rows,
    *,
    question: Question,
    labels: Labels,
    classes: Sequence[str] | None,
    token: str | None,
    on_progress: ProgressCallback,
) -> tuple[Model, Rows]:
    """The model, and the rows as it wants them."""
    if isinstance(model, str | Path):
        if not is_address(str(model)) and not Path(model).exists():
            raise InputError("there is no such file.", path=str(model), hint="Name the model's file.")
        answered = _Counted(on_progress, labels.rows)
        rows = _as_texts(data, rows, model)
        return open_model(model, rows, question=question, labels=labels, token=token, on_progress=answered), rows
    if is_fitted(model):
        return open_fitted(model, rows, question=question, labels=labels, classes=classes), rows
    if not callable(model):
        raise InputError(
            f"{type(model).__module__}.{type(model).__qualname__} is no model.",
            path="model",
            hint="Give the path of a model file, a fitted model, or a function that answers for rows.",
        )
    frame = pa.concat_tables(rows.tables()) if isinstance(data, str | Path) else eager(data)
    predictor = open_function(model, frame, rows, question=question, labels=labels, classes=classes)
    name = getattr(model, "__qualname__", type(model).__qualname__)
    return Model(name, predictor, needs=(PLACE,)), with_places(rows)


class _Counted:
    """Adds up the rows that an endpoint has answered: tables of rows are far apart there."""

    def __init__(self, on_progress: ProgressCallback, rows: int) -> None:
        self._on_progress, self._rows, self._done = on_progress, rows, 0

    def __call__(self, rows: int) -> None:
        self._done += rows
        self._on_progress("scoring", min(self._done, self._rows), self._rows)


def _as_texts(data: Any, rows: Rows, model: str | Path) -> Rows:
    """The same rows, in which what the model takes as text is text, whatever it looks like in a file of text.

    Parquet and Iceberg have types of their own, and keep them.
    """
    if not isinstance(data, str | Path) or format_of(str(data)) == "parquet":
        return rows
    wanted = [name for name in texts_of(model) if name in rows.schema.names]
    others = [name for name in wanted if not _is_text(rows.schema.field(name).type)]
    if not others:
        return rows
    types = {field.name: pa.string() if field.name in others else field.type for field in rows.schema}
    return open_rows(data, types=types)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))
