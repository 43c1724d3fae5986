"""The model that is tried, however it was handed over: a file, an address, an object or a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from seatrial.models.signature import Signature
from seatrial.rows import Rows
from seatrial.trial.label_column import Labels
from seatrial.trial.model import Model
from seatrial.trial.question import Question
from seatrial.trial.validate import check_signature, wanted_positive

if TYPE_CHECKING:
    from seatrial.models.finished import ModelOptions


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
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> Model:
    """The model in a file, or behind an address. `like` is the model that a reference has to answer as.

    `token` is a reference to an endpoint's, "env:NAME"; `on_progress` hears of rows that an endpoint has answered.
    """
    name = str(model)
    if is_address(name):
        from seatrial.models.endpoints import open_endpoint

        found = open_endpoint(
            name,
            schema=rows.schema,
            label=question.label,
            labels=labels.classes,
            options=_options(question, labels, like),
            rows=first_rows(rows),
            token=token,
            on_progress=on_progress,
        )
        check_signature(question, labels, found.signature, model=name)
        return Model(name, found, notes=found.notes)
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


def texts_of(model: str | Path) -> tuple[str, ...]:
    """The inputs that an ONNX file takes as texts; none where that cannot be told, which opening it will explain."""
    if is_address(str(model)) or Path(model).suffix != ".onnx":
        return ()
    import onnx

    from seatrial.models.finished.file_format import MAX_BYTES

    try:
        if Path(model).stat().st_size > MAX_BYTES:
            return ()
        graph = onnx.load_model(str(model), load_external_data=False).graph
    except Exception:  # noqa: BLE001  # whatever keeps it from being read is told when it is opened
        return ()
    return tuple(one.name for one in graph.input if one.type.tensor_type.elem_type == onnx.TensorProto.STRING)


def first_rows(rows: Rows) -> pa.Table:
    """The first of the bounded tables: real rows, to ask a model for before anybody relies on it."""
    for table in rows.tables():
        return table
    return rows.schema.empty_table()
