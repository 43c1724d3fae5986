"""A finished model, asked for rows before anybody relies on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import Corrupt, InputError, field
from seatrial.models.finished.onnx.inputs import Binding
from seatrial.models.finished.onnx.outputs import Answers
from seatrial.models.graph import IR_VERSION
from seatrial.models.safety import first_line
from seatrial.models.sessions import open_session

ROWS = 1000  # at most, of those that are given: what it takes is a blink, and no form of answer needs more
_ROWS_MADE_UP = 3  # where none are given: enough to tell the axis of the rows from one of the answers
# float32 sums depend on how many rows are multiplied at once; an answer that looks at other rows is further off.
_SAME_ROW = 1e-4
_MOST = 0.5

AnswerRows = Callable[[pa.Table], Answers]


def answer_function(model: onnx.ModelProto, binding: Binding, *, real: bool, path: str) -> AnswerRows:
    """A function that asks the bare graph; an `InputError` says why it cannot be loaded, or raised.

    `real`: it will be asked for rows of the table, and not for made-up ones.
    """
    try:
        session = open_session(model.SerializeToString(deterministic=True), path=path)
    except Corrupt as error:
        if "IR version" in error.problem:
            raise InputError(
                f"the file has version {model.ir_version} of ONNX's intermediate representation (IR), which is newer "
                "than what is read.",
                path=path,
                hint=f"Save it for an older one: model = onnx.load(path); model.ir_version = {IR_VERSION}; "
                "onnx.save(model, path).",
            ) from None
        raise InputError(error.problem, path=path, hint="Export it again, as the file may be cut off.") from None
    names = [output.name for output in session.get_outputs()]

    def answer(rows: pa.Table) -> Answers:
        try:
            answers: list[NDArray[Any]] = session.run(None, binding.feed(rows))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  # onnxruntime has no common class for its errors
            raise InputError(
                f"the model fails for {rows.num_rows} rows of {'the table' if real else 'zeros'}: {first_line(error)}",
                path=path,
                hint="Ask it for the same rows where it was made; the columns may be others, or in another order "
                f"({field('inputs')}), than it was trained on.",
            ) from None
        return dict(zip(names, answers, strict=True))

    return answer


def made_up_rows(binding: Binding) -> pa.Table:
    """Rows of zeros and empty texts, where there are no real ones."""
    return pa.table(
        {
            column.name: pa.array([""] * _ROWS_MADE_UP if column.kind == "text" else [0] * _ROWS_MADE_UP)
            for column in binding.columns
        }
    )


def first_answers(answer: AnswerRows, rows: pa.Table, *, freed: int | None, real: bool, path: str) -> Answers:
    """What it answers for `rows`, each tensor checked: an answer a row, not all NaN, and none hangs on its neighbours.

    `freed` is the number of rows that the file was exported for, if it was for one number only.
    """
    answers = answer(rows)
    for name, values in answers.items():
        if not isinstance(values, np.ndarray) or values.shape[:1] != (rows.num_rows,):
            shape = list(getattr(values, "shape", ()))
            raise InputError(
                f'the model\'s output "{name}" has the shape {shape} for {rows.num_rows} rows'
                f"{'' if freed is None else f'; it was exported for {freed} at a time'}.",
                path=path,
                hint=_DYNAMIC,
            )
        if values.dtype.kind == "f" and real and np.isnan(values.reshape(len(values), -1)).any(axis=1).all():
            raise InputError(
                f'the model\'s output "{name}" is NaN for each of the first {len(values):,} rows of the table.',
                path=path,
                hint="Most models answer so where a value is missing: fill the gaps as in training, or put that into "
                "the graph.",
            )
    if rows.num_rows > 1:
        _check_neighbours(answer, rows, answers, freed, path)
    return answers


_DYNAMIC = (
    "Export it with a dynamic first dimension: torch.onnx.export(…, dynamo=True, "
    'dynamic_shapes=({0: torch.export.Dim("rows")},)); skl2onnx: FloatTensorType([None, COLUMNS]); '
    "keras: an Input without batch_size."
)


def _check_neighbours(answer: AnswerRows, rows: pa.Table, answers: Answers, freed: int | None, path: str) -> None:
    half = rows.num_rows // 2 if freed is None else freed if freed < rows.num_rows else 1
    for name, values in answer(rows.slice(rows.num_rows - half, half)).items():
        if not _same(values, answers[name][rows.num_rows - half :]):
            raise InputError(
                f'the model\'s output "{name}" answers a row otherwise when other rows are beside it.',
                path=path,
                hint=_DYNAMIC
                if freed is not None
                else "Export it for inference (torch: module.eval()): a normalisation over the batch, or something "
                "random, is in the graph.",
            )


def _same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    if first.shape != second.shape:
        return False
    if first.dtype.kind == "f":
        # Of sums that nearly cancel each other few digits are left: what looks at other rows differs on most.
        return bool(np.isclose(first, second, rtol=_SAME_ROW, atol=_SAME_ROW, equal_nan=True).mean() > _MOST)
    return True  # a label on the edge between two classes may go either way: its scores tell
