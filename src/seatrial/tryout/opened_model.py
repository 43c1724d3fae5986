"""The model that is tried, however it was handed over: a file, an address, an object or a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from seatrial.models.columns import TextsExpected
from seatrial.models.signature import Signature
from seatrial.rows import Rows
from seatrial.trial.label_column import Labels
from seatrial.trial.model import Model
from seatrial.trial.question import Question
from seatrial.trial.validate import check_signature, wanted_positive

if TYPE_CHECKING:
    from seatrial.models.finished import ModelOptions

T = TypeVar("T")


def is_address(model: str) -> bool:
    """Whether a model is an endpoint and no file."""
    return model.startswith(("http://", "https://"))


def open_model(
    model: str | Path,
    rows: Rows,
    *,
    question: Question,
    labels: Labels,
    like: Signature | None = None,
    token: str | None = None,
    ca: str | None = None,
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> Model:
    """The model in a file, or behind an address. `like` is the model that a reference has to answer as.

    `token` is a reference to an endpoint's, "env:NAME", `ca` the file of its authority, "file:PATH"; `on_progress`
    hears of rows that an endpoint has answered.
    """
    name = str(model)
    if is_address(name):
        from seatrial.models.endpoints import open_endpoint

        endpoint = open_endpoint(
            name,
            schema=rows.schema,
            label=question.label,
            labels=labels.classes,
            options=_options(question, labels, like),
            rows=first_rows(rows),
            token=token,
            ca=ca,
            on_progress=on_progress,
        )
        check_signature(question, labels, endpoint.signature, model=name)
        return Model(name, endpoint, notes=endpoint.notes)
    from seatrial.models.finished import open_finished

    finished = open_finished(
        Path(model),
        schema=rows.schema,
        label=question.label,
        labels=labels.classes,
        options=_options(question, labels, like),
        rows=first_rows(rows),
    )
    check_signature(question, labels, finished.predictor.signature, model=name)
    return Model(Path(model).name, finished.predictor, finished.package, finished.notes)


def _options(question: Question, labels: Labels, like: Signature | None) -> ModelOptions:
    from seatrial.models.finished import ModelOptions

    if like is not None:
        columns = tuple(column.name for column in like.inputs)
        return ModelOptions(
            classes=question.classes, positive=like.positive, like=columns
        )  # its own task: another is refused
    return ModelOptions(
        inputs=question.inputs,
        task=question.task,
        classes=question.classes,
        positive=wanted_positive(question, labels),
        threshold=question.threshold,
    )


def with_its_texts(open_: Callable[[Rows], T], rows: Rows) -> tuple[T, Rows]:
    """What `open_` makes of the rows, and the rows with what the model takes as text read as text.

    In a file of text "7" may be a number or a category, and "01" a zip code: the model tells. Parquet, Iceberg and JSON
    have types of their own, and keep them.
    """
    try:
        return open_(rows), rows
    except TextsExpected as error:
        texts = rows.with_texts(error.columns)
        if texts is None:
            raise
    return open_(texts), texts


def first_rows(rows: Rows) -> pa.Table:
    """The first of the bounded tables: real rows, to ask a model for before anybody relies on it."""
    for table in rows.tables():
        return table
    return rows.schema.empty_table()
