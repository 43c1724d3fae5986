"""Which columns of a table a finished graph's inputs are."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray
from onnx import TensorProto, helper

from seatrial.errors import InputError, field
from seatrial.models.columns import holds_numbers, holds_texts, kind_column, texts_expected
from seatrial.models.signature import Column, Kind

_KINDS: dict[int, Kind] = {
    **dict.fromkeys((TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16), "number"),
    **dict.fromkeys(
        (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8), "integer"
    ),
    **dict.fromkeys((TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64), "integer"),
    TensorProto.BOOL: "boolean",
    TensorProto.STRING: "text",
}
_SHOWN = 12  # names in a sentence, before "…"
_TEXT_SHOWN = 40  # letters of a value


@dataclass(frozen=True, slots=True)
class Entry:
    """One input of the graph: a matrix of several columns, or one column as [n, 1] or [n]."""

    tensor: str
    element: int  # TensorProto's number of its type
    columns: tuple[str, ...]
    flat: bool  # [n]

    @property
    def kind(self) -> Kind:
        """How each of its columns enters."""
        return _KINDS[self.element]


@dataclass(frozen=True, slots=True)
class Binding:
    """All inputs, the raw columns behind them, and what was inferred."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The package's inputs."""
        return tuple(Column(name, entry.kind) for entry in self.entries for name in entry.columns)

    def feed(self, rows: pa.Table) -> dict[str, NDArray[Any]]:
        """What the bare graph takes for these rows, as its own user would make it."""
        return {entry.tensor: _tensor(rows, entry) for entry in self.entries}


def bind(
    graph: onnx.GraphProto,
    *,
    schema: pa.Schema,
    label: str | None,
    inputs: Sequence[str] | None,
    features: Sequence[str] | None,
    like: Sequence[str] | None = None,
    blanks_as: str | None = None,
    rows: pa.Table | None = None,
    path: str,
) -> Binding:
    """The columns of each input; an `InputError` names the input or column that does not fit, and the way out.

    `features` are the names that the file gives to a matrix's columns, `inputs` those that the user gives, `like` those
    that the model takes beside which this one is measured. Where the file names its features, only these names or those
    of the user count; the order of the table is used for a matrix without names. `blanks_as` is what the file writes
    for a blank in a name; `rows` are some of the table's, to name a value that is not as its column.
    """
    if blanks_as is not None and inputs is None and (features is not None or len(graph.input) > 1):
        names = features if features is not None else [value.name for value in graph.input]
        features = inputs = _with_blanks(names, schema, blanks_as)
    shapes = {value.name: _shape(value, path) for value in graph.input}
    if not shapes:
        raise InputError(
            "the model must have at least one input, got 0.", path=path, hint="Export it with its features as input."
        )
    alone = next(iter(shapes)) if len(shapes) == 1 else None
    matrices = [name for name, shape in shapes.items() if _is_matrix(name, shape, schema, alone=alone is not None)]
    if alone is not None and matrices:
        binding = _matrix(graph.input[0], shapes[alone], schema, label, inputs, features, like, rows, path)
    elif matrices:
        raise InputError(
            f"the model has {len(shapes)} inputs, and {_listed(matrices)} "
            f"{'is a matrix' if len(matrices) == 1 else 'are matrices'}.",
            path=path,
            hint="Export it with one matrix of all columns as its input, or with one input a column, each [rows, 1] "
            'and named like it (skl2onnx: initial_types=[("age", FloatTensorType([None, 1])), …]).',
        )
    else:
        only_column = features if len(shapes) == 1 and features is not None and len(features) == 1 else None
        # A matrix of one column has its name.
        binding = _single_columns(graph, shapes, schema, inputs or only_column, path)
    _check_columns(binding, schema, label, rows, path)
    return binding


def _with_blanks(names: Sequence[str], schema: pa.Schema, blanks_as: str) -> list[str]:
    """Each name as the table has it: the file's own, or the only column that is written so without blanks."""
    written = Counter(name.replace(" ", blanks_as) for name in schema.names)
    originals = {name.replace(" ", blanks_as): name for name in schema.names}
    return [originals[name] if name not in schema.names and written[name] == 1 else name for name in names]


def free_rows(graph: onnx.GraphProto) -> int | None:
    """Lets the graph take any number of rows, if it was exported for one number only: then that number, else None.

    Whether it answers alike for others is for who asks it to see: a shape may be written into the graph itself.
    """
    fixed: int | None = None
    for value in graph.input:
        dimensions = value.type.tensor_type.shape.dim
        if len(dimensions) and dimensions[0].dim_value > 0:
            fixed = dimensions[0].dim_value
            dimensions[0].dim_param = "rows"
    if fixed is not None:
        for value in graph.output:
            value.type.tensor_type.ClearField("shape")
    return fixed


def _shape(value: onnx.ValueInfoProto, path: str) -> list[int] | None:
    tensor = value.type.tensor_type
    if value.type.WhichOneof("value") != "tensor_type" or tensor.elem_type not in _KINDS:
        raise InputError(
            f'the model\'s input "{value.name}" is a {_type(value)}, which no column of a table is.',
            path=path,
            hint="Export it with inputs of float32, float64, int32, int64, bool or string.",
        )
    if not tensor.HasField("shape"):
        return None
    shape = [dimension.dim_value for dimension in tensor.shape.dim]  # 0: any
    if not 1 <= len(shape) <= 2:
        raise InputError(
            f'the model\'s input "{value.name}" is {_type(value)}; a row of a table has one value a column.',
            path=path,
            hint="Only models of named columns, or of one matrix [rows, columns], can be tried: put the reshaping of "
            "a row into the graph.",
        )
    return shape


def _is_matrix(name: str, shape: list[int] | None, schema: pa.Schema, *, alone: bool) -> bool:
    if shape is None or (len(shape) == 2 and shape[1] == 0):
        return name not in schema.names
    return (len(shape) == 2 and shape[1] > 1) or (len(shape) == 1 and alone and shape[0] > 1)


def _matrix(
    value: onnx.ValueInfoProto,
    shape: list[int] | None,
    schema: pa.Schema,
    label: str | None,
    inputs: Sequence[str] | None,
    features: Sequence[str] | None,
    like: Sequence[str] | None,
    rows: pa.Table | None,
    path: str,
) -> Binding:
    if shape is not None and len(shape) == 1:
        raise InputError(
            f'the model\'s input "{value.name}" is {_type(value)}: one row, without an axis for several.',
            path=path,
            hint=f"Export it for rows of the shape [rows, {shape[0]}], the first dimension dynamic.",
        )
    width = shape[1] if shape else 0
    element = value.type.tensor_type.elem_type
    of_kind = holds_texts if _KINDS[element] == "text" else holds_numbers
    usable = [column.name for column in schema if column.name != label and of_kind(column.type)]
    if features is not None and (inputs is None or set(inputs) == set(features)):  # names are surer than an order
        _check_features(features, schema, label, path)
        names, note = list(features), f"the {len(features)} columns {_listed(features)}, as the file names them"
    elif inputs is not None:
        names, note = list(inputs), None
    elif like is not None and width in (0, len(like)) and set(like) <= set(usable):
        names, note = list(like), f"the {len(like)} columns {_listed(like)}, as the model that is tried takes them"
    else:
        if of_kind is holds_numbers:
            _check_texts(schema, label, rows, path)
        names, note = usable, f"the {len(usable)} columns {_listed(usable)}, in the order of the table"
    if (width and len(names) != width) or not names:
        kind = "text" if _KINDS[element] == "text" else "numeric"
        supplied = (
            f"{field('inputs')} names {len(names)}"
            if inputs is not None
            else f"the table has {len(names)} {kind} columns{'' if label is None else ' besides the label'}"
        )
        raise InputError(
            f'the model\'s input "{value.name}" takes {width or "some"} columns, {supplied}.',
            path=path,
            hint=f"Name the {width or ''} columns in the order of the matrix: {field('inputs', 'a,b,c')}. The table "
            f"has {_listed([name for name in schema.names if name != label])}."
            if like is None  # the field is those of the model that is tried
            else "Export it with one input a column, each named like it.",
        )
    entry = Entry(value.name, element, tuple(names), flat=False)
    return Binding((entry,), () if note is None else (f'input "{value.name}": {note}',))


def _check_features(features: Sequence[str], schema: pa.Schema, label: str | None, path: str) -> None:
    """An `InputError` unless the table has every feature: another column in its place would turn the answers round."""
    lacking = [name for name in features if name not in schema.names]
    if not lacking:
        return
    others = [name for name in schema.names if name != label]
    nearest = {
        name: _nearest(name, [candidate for candidate in others if candidate not in features]) for name in lacking
    }
    suggestions = [f'"{candidate}" for "{name}"' for name, candidate in nearest.items() if candidate is not None][
        :_SHOWN
    ]
    question = f"Did you mean {', '.join(suggestions)}? " if suggestions else ""
    raise InputError(
        f"the table lacks {_quoted(lacking)}, which the model takes: the file names {_listed(features)}, the table has "
        f"{_listed(others)}.",
        path=path,
        hint=f"{question}Rename the table's columns, or name them in the order of the file's: "
        f"{field('inputs', 'a,b,c')}.",
    )


def _nearest(name: str, others: Sequence[str]) -> str | None:
    """The most alike of the other names, whatever its case."""
    lowered = {candidate.lower(): candidate for candidate in others}
    close = difflib.get_close_matches(name.lower(), lowered, n=1)
    return lowered[close[0]] if close else None


def _quoted(names: Sequence[str]) -> str:
    return _listed([f'"{name}"' for name in names])


def _check_texts(schema: pa.Schema, label: str | None, rows: pa.Table | None, path: str) -> None:
    """An `InputError` where a column of numbers became one of texts: those behind it would take its place."""
    if rows is None:
        return
    for name in schema.names:
        if name == label or not holds_texts(schema.field(name).type) or pa.types.is_null(schema.field(name).type):
            continue
        strange = _strange_text(rows, name)
        if strange is None:
            continue
        raise InputError(
            f'the column "{name}" holds texts, though most of its values are numbers{strange}; the model takes a '
            "matrix of numbers, and does not name its columns.",
            path=path,
            hint=f"Write what is missing as an empty field; or, if the model does not take this column, name those "
            f"that it takes in its order: {field('inputs', 'a,b,c')}.",
        )


def _strange_text(rows: pa.Table, name: str) -> str | None:
    """What of a column of texts is no number, as ': "?" in row 5'; None where most of the values are none."""
    texts = rows.column(name).cast(pa.string()).to_pylist()
    filled = [(row, text) for row, text in enumerate(texts) if text is not None and text.strip()]
    strange = next(((row, text) for row, text in filled if not _is_number(text)), None)
    if not filled or sum(_is_number(text) for _, text in filled) <= len(filled) / 2:
        return None
    return "" if strange is None else f': "{strange[1][:_TEXT_SHOWN]}" in row {strange[0]}'


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _single_columns(
    graph: onnx.GraphProto,
    shapes: dict[str, list[int] | None],
    schema: pa.Schema,
    inputs: Sequence[str] | None,
    path: str,
) -> Binding:
    takes = list(shapes)
    names = dict(zip(takes, takes, strict=True))
    notes: tuple[str, ...] = ()
    if inputs is not None and set(inputs) != set(takes):
        if len(inputs) != len(takes):
            raise InputError(
                f"{field('inputs')} names {len(inputs)} columns, the model has {len(takes)} inputs: {_listed(takes)}.",
                path=path,
                hint=f"Name one column for each, in this order, or leave {field('inputs')} out to match them by name.",
            )
        names = dict(zip(takes, inputs, strict=True))
        notes = (f"inputs: {', '.join(f'{tensor} is {name}' for tensor, name in names.items() if tensor != name)}",)
    for tensor, name in names.items():
        if name not in schema.names:
            raise _no_column(tensor, name, takes, schema, path)
    return Binding(
        tuple(
            Entry(value.name, value.type.tensor_type.elem_type, (names[value.name],), flat=_is_flat(shapes[value.name]))
            for value in graph.input
        ),
        notes,
    )


def _is_flat(shape: list[int] | None) -> bool:
    return shape is not None and len(shape) == 1


def _no_column(tensor: str, name: str, takes: Sequence[str], schema: pa.Schema, path: str) -> InputError:
    close = difflib.get_close_matches(name, schema.names, n=1)
    question = f'Did you mean the column "{close[0]}"? ' if close else ""
    return InputError(
        f'the table does not have a column for the model\'s input "{tensor}"'
        f"{'' if tensor == name else f', which is to be {name!r}'}.",
        path=path,
        hint=f"{question}Rename the table's column, or name the columns in the order of the model's inputs "
        f"({_listed(takes)}): {field('inputs', 'a,b,c')}. The table has {_listed(schema.names)}.",
    )


def _check_columns(binding: Binding, schema: pa.Schema, label: str | None, rows: pa.Table | None, path: str) -> None:
    taken, present = Counter(column.name for column in binding.columns), Counter(schema.names)
    texts = [column.name for column in binding.columns if column.kind == "text" and present[column.name] == 1]
    if not_texts := [name for name in texts if name != label and not holds_texts(schema.field(name).type)]:
        raise texts_expected(not_texts, schema, path=path)
    for column in binding.columns:
        if present[column.name] != 1:
            problem = "has several columns" if present[column.name] else "does not have a column"
            close = difflib.get_close_matches(column.name, present, n=1)
            raise InputError(
                f'the table {problem} "{column.name}".',
                path=path,
                hint=f'Did you mean "{close[0]}"?' if close else f"It has {_listed(schema.names)}.",
            )
        if taken[column.name] > 1:
            raise InputError(f'the column "{column.name}" is an input twice.', path=path, hint="Name each once.")
        if column.name == label:
            raise InputError(
                f'the model takes the column "{label}", which is the label that it is to be measured by.',
                path=path,
                hint=f"Name another {field('label')}, or the columns that the model takes: {field('inputs', 'a,b,c')}.",
            )
        _check_type(column, schema, rows, path)


def _check_type(column: Column, schema: pa.Schema, rows: pa.Table | None, path: str) -> None:
    column_type = schema.field(column.name).type
    if column.kind != "text" and not holds_numbers(column_type):
        strange = _strange_text(rows, column.name) if rows is not None and holds_texts(column_type) else None
        if strange:
            raise InputError(
                f'the model takes numbers for "{column.name}", and the table has a text there{strange}.',
                path=path,
                hint="Write what is missing as an empty field, and every number with a point.",
            )
        raise InputError(
            f'the model takes numbers for "{column.name}", the table holds {column_type}.',
            path=path,
            hint="Give the table as the model was trained on it, with this column encoded, or export the whole "
            "pipeline, its encoder included.",
        )


def _tensor(rows: pa.Table, entry: Entry) -> NDArray[Any]:
    columns = [kind_column(rows, Column(name, entry.kind)) for name in entry.columns]
    matrix = np.stack(columns, axis=1).astype(helper.tensor_dtype_to_np_dtype(entry.element))
    return matrix.reshape(-1) if entry.flat else matrix


def _type(value: onnx.ValueInfoProto) -> str:
    tensor = value.type.tensor_type
    if value.type.WhichOneof("value") != "tensor_type":
        return str(value.type.WhichOneof("value")).removesuffix("_type")
    name = TensorProto.DataType.Name(tensor.elem_type).lower()
    sizes = [str(dimension.dim_value or dimension.dim_param or "?") for dimension in tensor.shape.dim]
    return f"{name}[{', '.join(sizes)}]"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN:
        return ", ".join(names) or "none"
    return f"{', '.join(names[: _SHOWN - 1])}, … {names[-1]} ({len(names)})"
