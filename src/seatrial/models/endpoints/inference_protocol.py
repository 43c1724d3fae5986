"""The Open Inference Protocol from the asking side (KServe V2, REST, JSON tensors): pure functions of documents.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError, TargetError, field
from seatrial.models.columns import holds_texts, texts_expected
from seatrial.models.endpoints.columns import column_of, sent_columns, values
from seatrial.models.signature import Column

_FLOATS = {"FP16": "float16", "FP32": "float32", "FP64": "float64"}
_INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_MATRIX = "input-0"  # what servers that name no inputs call the one they take
_SEEN = "Look at the service's log."


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output as the metadata names it; `shape` has −1 for any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the service says of its model. `classes`: in the order of the probabilities, where it names them."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    classes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class NamedTensors:
    """Each column is a tensor of its own name."""

    columns: tuple[Column, ...]
    tensors: tuple[Tensor, ...]

    def document(self, rows: pa.Table, outputs: Sequence[str]) -> dict[str, Any]:
        """The request for these rows."""
        return _request(
            [
                _tensor(tensor, _shape(tensor, rows.num_rows), _data(rows, column, tensor.datatype))
                for column, tensor in zip(self.columns, self.tensors, strict=True)
            ],
            outputs,
        )


@dataclass(frozen=True, slots=True)
class Matrix:
    """All columns are one tensor [rows, columns], in this order."""

    columns: tuple[Column, ...]
    tensor: Tensor

    def document(self, rows: pa.Table, outputs: Sequence[str]) -> dict[str, Any]:
        """The request for these rows."""
        parts = [_data(rows, column, self.tensor.datatype) for column in self.columns]
        flat = [value for row in zip(*parts, strict=True) for value in row]
        return _request([_tensor(self.tensor, [rows.num_rows, len(parts)], flat)], outputs)


def parse_metadata(document: Any, *, address: str) -> Metadata:
    """The metadata in the document; a `TargetError` where it is none."""
    try:
        outputs = document.get("outputs") or []
        declared = [item["parameters"]["classes"] for item in outputs if (item.get("parameters") or {}).get("classes")]
        classes = declared[0] if declared else None
        if isinstance(classes, str):  # parameters are scalars in this protocol: a list is JSON in a text
            classes = json.loads(classes)
        return Metadata(
            tuple(_declared_tensor(item) for item in document.get("inputs") or []),
            tuple(_declared_tensor(item) for item in outputs),
            None if classes is None else tuple(str(name) for name in classes),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TargetError(
            "the endpoint must answer with the metadata of a model (name, inputs, outputs).",
            path=address,
            hint="Give the address of a model: http://HOST/v2/models/NAME.",
        ) from None


def form_of(
    metadata: Metadata, schema: pa.Schema, *, label: str | None, inputs: Sequence[str] | None, address: str
) -> tuple[NamedTensors | Matrix, str | None]:
    """How rows of this schema are sent, and a sentence where that was inferred."""
    tensors = metadata.inputs
    # A matrix of one column is told from a column by its name, and by there being only one that it can be.
    only = len(inputs if inputs is not None else set(schema.names) - {label}) == 1
    if len(tensors) > 1 or (tensors and (tensors[0].name in schema.names or (_width(tensors[0]) == 1 and not only))):
        columns = tuple(_column(schema, tensor, address) for tensor in tensors)
        taken_as_text = [tensor.name for tensor in tensors if tensor.datatype == "BYTES"]
        if not_texts := [name for name in taken_as_text if not holds_texts(schema.field(name).type)]:
            raise texts_expected(not_texts, schema, path=address)
        return NamedTensors(columns, tensors), None
    columns = sent_columns(schema, label=label, inputs=inputs, address=address)
    tensor = tensors[0] if tensors else Tensor(_MATRIX, "FP64", (-1, -1))
    texts = [column.name for column in columns if column.kind == "text"]
    if texts and tensor.datatype != "BYTES":
        raise InputError(
            f"the model takes one matrix of {tensor.datatype}, and column {texts[0]!r} holds texts.",
            path=address,
            hint=f"Name the columns that the matrix is made of, in its order: {field('inputs', 'a,b,c')}.",
        )
    width = _width(tensor)
    if width not in (None, len(columns)):
        raise InputError(
            f"the model takes a matrix of {width} columns, and the rows have {len(columns)} beside the label."
            if inputs is None
            else f"the model takes a matrix of {width} columns, and {len(columns)} are named.",
            path=address,
            hint=f"Name them in the order of the matrix: {field('inputs', 'a,b,c')}.",
        )
    note = f"inputs: one matrix of {', '.join(column.name for column in columns)}, in this order"
    return Matrix(columns, tensor), None if inputs is not None else note


def parse_answer(document: Any, rows: int, *, address: str) -> dict[str, NDArray[Any]]:
    """The outputs by name, float64 or texts, [rows] or [rows, k]; a `TargetError` where they are not for these rows."""
    try:
        tensors = {str(item["name"]): item for item in document["outputs"]}
    except (KeyError, TypeError):
        raise TargetError("the endpoint's answer has no outputs.", path=address, hint=_SEEN) from None
    return {name: _array(name, item, rows, address) for name, item in tensors.items()}


def _declared_tensor(item: Mapping[str, Any]) -> Tensor:
    return Tensor(str(item["name"]), str(item.get("datatype", "FP64")), tuple(int(size) for size in item["shape"]))


def _column(schema: pa.Schema, tensor: Tensor, address: str) -> Column:
    column = column_of(schema, tensor.name, address=address)
    if tensor.datatype != "BYTES" and column.kind == "text":
        raise InputError(
            f"the model takes a number ({tensor.datatype}) for {tensor.name!r}, and the rows hold "
            f"{schema.field(tensor.name).type}.",
            path=address,
            hint="Correct the values that are not numbers; a missing one is empty.",
        )
    if tensor.datatype in _INTEGERS:
        return Column(tensor.name, "integer")
    if tensor.datatype == "BOOL":
        return Column(tensor.name, "boolean")
    return Column(tensor.name, "text" if tensor.datatype == "BYTES" else "number")


def _width(tensor: Tensor) -> int | None:
    """How many columns a tensor has; None: any number."""
    if len(tensor.shape) < 2:
        return 1
    return tensor.shape[-1] if tensor.shape[-1] >= 0 else None


def _shape(tensor: Tensor, rows: int) -> list[int]:
    return [rows, 1] if len(tensor.shape) == 2 else [rows]


def _data(rows: pa.Table, column: Column, datatype: str) -> list[Any]:
    return values(rows, column if datatype not in _FLOATS else Column(column.name, "number"), _FLOATS.get(datatype))


def _tensor(tensor: Tensor, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": tensor.name, "shape": shape, "datatype": tensor.datatype, "data": data}


def _request(inputs: list[dict[str, Any]], outputs: Sequence[str]) -> dict[str, Any]:
    return {"inputs": inputs, **({"outputs": [{"name": name} for name in outputs]} if outputs else {})}


def _array(name: str, item: Mapping[str, Any], rows: int, address: str) -> NDArray[Any]:
    data = item.get("data")
    if not isinstance(data, list):
        raise TargetError(
            f'the endpoint\'s output {name!r} must be a JSON tensor, with its "data" as a list.',
            path=address,
            hint=_SEEN,
        )
    flat = [value for part in data for value in (part if isinstance(part, list) else [part])]
    shape = item.get("shape")
    first = shape[0] if isinstance(shape, list) and shape else rows
    if first != rows or len(flat) % rows or not flat:
        raise TargetError(
            f"the endpoint answers for {first if first != rows else len(flat)} rows in {name!r}, and was asked for "
            f"{rows}.",
            path=address,
            hint=_SEEN,
        )
    return as_array(flat, len(flat) // rows, name, address)


def as_array(flat: Sequence[Any], width: int, name: str, address: str) -> NDArray[Any]:
    """JSON values as float64 or texts (true and false are such), [rows] or, for several a row, [rows, width]."""
    kinds = set(map(type, flat))
    if kinds <= {int, float, type(None)}:
        array: NDArray[Any] = np.array([np.nan if value is None else value for value in flat], np.float64)
    elif kinds <= {str, type(None)}:
        array = np.array(flat, object)
    elif kinds <= {bool, type(None)}:
        array = np.array([None if value is None else str(value).lower() for value in flat], object)
    else:
        raise TargetError(f"the endpoint's output {name!r} is not of one type.", path=address, hint=_SEEN)
    return array if width == 1 else array.reshape(-1, width)
