"""A Python function that answers for rows, as a predictor: what it gives is recognised on the first rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError, StepFailed, field
from seatrial.models.predictor import Predictions, missing_values
from seatrial.models.signature import Column, Signature, Task
from seatrial.rows import Rows
from seatrial.trial.label_column import Labels, likely_positive
from seatrial.trial.question import Question
from seatrial.trial.validate import listed
from seatrial.tryout.returned_arrays import in_order_of_rows, to_array

PLACE = "seatrial: place"  # the column by which the frame that somebody handed over is cut, without converting it
FIRST_ROWS = 1000  # asked twice: to see in which form the function answers
THRESHOLD = 0.5

# Takes rows in the kind of frame that was handed over; gives n labels or values, n probabilities, or n × classes.
Answer = Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class FunctionPredictor:
    """A `Predictor` that hands slices of `frame` to a function."""

    function: Answer
    frame: Any
    columns: tuple[str, ...]
    signature: Signature
    one_column: bool  # it gives one number a row: the probability of the positive class

    def predict(self, rows: pa.Table) -> Predictions:
        """The function's answers for the rows of the frame whose places `rows` names."""
        part = cut(self.frame, rows.column(PLACE).to_numpy(), self.columns)
        answer = ask(self.function, part, rows.num_rows, classes=self.signature.classes)
        return self._read(answer)

    def _read(self, answer: NDArray[Any]) -> Predictions:
        signature = self.signature
        if signature.task == "regression":
            return Predictions(_numbers(answer.reshape(-1)), None)
        if not signature.probabilities:
            return Predictions(_names(answer.reshape(-1)), None)
        probabilities = _numbers(answer)
        if self.one_column:
            positive_scores = probabilities.reshape(-1)
            ordered = [
                positive_scores if name == signature.positive else 1 - positive_scores for name in signature.classes
            ]
            probabilities = np.stack(ordered, axis=1)
        names = np.array(signature.classes, object)
        if signature.positive is None:
            return Predictions(names[np.argmax(probabilities, axis=1)], probabilities)
        place = signature.classes.index(signature.positive)
        threshold = THRESHOLD if signature.threshold is None else signature.threshold
        answered = np.where(probabilities[:, place] >= threshold, place, 1 - place)
        return Predictions(names[answered], probabilities)


def open_function(
    function: Answer,
    frame: Any,
    rows: Rows,
    *,
    question: Question,
    labels: Labels,
    classes: Sequence[str] | None = None,
) -> FunctionPredictor:
    """The function as a predictor. It is asked for the first rows: an `InputError` where its answers have no meaning.

    `classes` are those of the columns of its probabilities; without them the labels in their order.
    """
    columns = question.inputs or tuple(
        name for name in rows.schema.names if name not in (question.label, question.weight)
    )
    rows.check_columns(columns)
    places = np.arange(min(labels.rows, FIRST_ROWS))
    class_names = tuple(classes) if classes is not None else labels.classes
    answer = ask(function, cut(frame, places, columns), len(places), classes=class_names or ())
    task, one_column, probabilities = _form(answer, question, labels, class_names, name=_name(function))
    names = () if task == "regression" else class_names or ()
    positive = (question.positive or likely_positive(names)) if task == "binary" else None
    if positive is not None and positive not in names:
        raise InputError(
            f"positive must be one of the classes, got {positive!r}.",
            path=question.label,
            hint=f"There is: {listed(names)}.",
        )
    threshold = question.threshold if question.threshold is not None else THRESHOLD
    signature = Signature(
        inputs=tuple(_column(rows.schema.field(name)) for name in columns if not _is_nested(rows, name)),
        task=task,
        classes=names,
        positive=positive,
        threshold=threshold if task == "binary" and probabilities else None,
        probabilities=probabilities and task != "regression",
    )
    return FunctionPredictor(function, frame, tuple(columns), signature, one_column)


def with_places(rows: Rows) -> Rows:
    """The same rows with the column `PLACE`: the number of each, from 0."""

    def read(names: Sequence[str]) -> Any:
        stored_names = [name for name in names if name != PLACE]
        start = 0
        for table in rows.tables(stored_names or rows.schema.names[:1]):
            places = pa.array(np.arange(start, start + table.num_rows))
            start += table.num_rows
            yield (table if stored_names else table.select([])).append_column(PLACE, places).select(list(names))

    return Rows(rows.origin, rows.schema.append(pa.field(PLACE, pa.int64())), rows.rows, read)


def eager(frame: Any) -> Any:
    """The frame, collected if it is a lazy one: it is cut again and again."""
    if isinstance(frame, np.ndarray | pa.Table) or not hasattr(frame, "collect"):
        return frame
    import narwhals as nw

    wrapped = nw.from_native(frame, pass_through=True)
    return wrapped.collect().to_native() if isinstance(wrapped, nw.LazyFrame) else frame


def cut(frame: Any, places: NDArray[np.int64], columns: Sequence[str]) -> Any:
    """Rows and columns of a frame, as the same kind of frame."""
    ends = (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)
    rows = slice(*ends) if ends[1] - ends[0] == len(places) else places
    if isinstance(frame, np.ndarray):
        return frame[rows]
    if isinstance(frame, pa.Table):
        part = frame.slice(ends[0], len(places)) if isinstance(rows, slice) else frame.take(rows)
        return part.select(list(columns))
    import narwhals as nw

    return nw.from_native(frame, eager_only=True)[rows].select(*columns).to_native()


def ask(function: Answer, rows: Any, count: int, *, classes: Sequence[str] = ()) -> NDArray[Any]:
    """What the function answers, as an array [count] or [count, k]; its own failure is a `StepFailed`.

    Columns that are named like `classes` come in their order, and rows of pandas in that of its index.
    """
    try:
        returned = function(rows)
        returned = returned.detach() if hasattr(returned, "detach") else returned
        in_order = in_order_of_rows(returned, rows)
        answer = None if in_order is None else to_array(in_order, classes)
    except Exception as error:  # it is somebody's function: whatever it raises is its own
        raise StepFailed(
            f"the function raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            path=_name(function),
            hint=f"It is given {type(rows).__module__.split('.')[0]} rows: call it with the first few to see.",
        ) from error
    if answer is None:
        raise InputError(
            "the function answers in another order than its rows, whose index has a value twice.",
            path=_name(function),
            hint="Give the frame an index of its own, frame.reset_index(drop=True), or answer with an array.",
        )
    if answer.ndim not in (1, 2) or len(answer) != count:
        raise InputError(
            f"the function answered with shape {answer.shape} for {count} rows.",
            path=_name(function),
            hint="Give one answer a row: labels or values [n], probabilities [n] or [n, classes].",
        )
    return answer


def _form(
    answer: NDArray[Any], question: Question, labels: Labels, classes: tuple[str, ...] | None, *, name: str
) -> tuple[Task, bool, bool]:
    """The task, whether one column of probabilities stands for two, and whether there are probabilities."""
    several = answer.ndim == 2 and answer.shape[1] > 1
    if several:
        count = answer.shape[1]
        if classes is None or len(classes) != count:
            label_classes = "no classes" if classes is None else f"the classes {listed(classes)}"
            raise InputError(
                f"the model answers with {count} columns, and the label has {label_classes}.",
                path=name,
                hint=f"Name the {count} classes in the order of the columns: classes=[…].",
            )
        return ("binary" if count == 2 else "multiclass"), False, True
    flat = answer.reshape(-1)
    missing = missing_values(flat)
    flat = flat if missing.all() else flat[~missing]  # a row without an answer says nothing of their form
    if question.task == "regression" or (labels.classes is None and question.task is None):
        return "regression", False, False
    count = len(classes or ())
    task: Task = question.task or ("binary" if count <= 2 else "multiclass")
    if flat.dtype.kind in "fiub" and not _are_classes(flat, classes or ()):
        values = flat.astype(np.float64)
        if labels.kind != "fraction" and _look_like_codes(flat, count):
            first = ", ".join(sorted({str(value) for value in flat[:FIRST_ROWS].tolist()}))
            amount = f" If the label is an amount, write {field('task', 'regression')}." if count > 2 else ""
            raise InputError(
                f"the model answers with {first}, which are neither the classes {listed(classes or ())} nor "
                "probabilities (those are fractions).",
                path=name,
                hint=f"Give the label's own values [n], or probabilities [n, classes].{amount}",
            )
        if count == 2 and ((values >= 0) & (values <= 1)).all():
            return "binary", True, True
        if labels.kind == "whole" and question.task is None:
            return "regression", False, False
        raise InputError(
            f"the model answers with numbers (the first: {values[0]:.6g}) that are neither classes of the label nor "
            f"probabilities of one of two: the label has {listed(classes or ())}.",
            path=name,
            hint="Give labels [n], or probabilities [n, classes]; or correct the label.",
        )
    return task, False, False


def _look_like_codes(values: NDArray[Any], count: int) -> bool:
    """Whether the numbers are codes of classes: integers where there are two, whole numbers below `count` else."""
    if count <= 2:
        return count == 2 and values.dtype.kind in "iub"
    numbers = values.astype(np.float64)
    return bool(((numbers == np.rint(numbers)) & (numbers >= 0) & (numbers < count)).all())


def _are_classes(values: NDArray[Any], classes: Sequence[str]) -> bool:
    """Whether every number is one of the classes, in whatever way it is written."""
    from seatrial.assessors.answers.labels import class_codes

    _, strange = class_codes(pa.array(values), classes)
    return not strange


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, dtype=np.float64)


def _names(values: NDArray[Any]) -> NDArray[np.object_]:
    if values.dtype.kind == "b":
        return np.array(["false", "true"], object)[values.astype(np.int64)]
    texts: NDArray[np.object_] = values.astype(str).astype(object)
    texts[missing_values(values)] = None
    return texts


def _column(stored: pa.Field[Any]) -> Column:
    """What stands for the column in the digest of the test data, in doubts and rules: dates are texts there."""
    kind = stored.type.value_type if isinstance(stored.type, pa.DictionaryType) else stored.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return Column(stored.name, "number" if number or pa.types.is_boolean(kind) else "text")


def _is_nested(rows: Rows, name: str) -> bool:
    """Lists and structures: the function is given them, and nothing else looks at them."""
    return bool(pa.types.is_nested(rows.schema.field(name).type))


def _name(function: object) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))
