"""The inference request and response of the Open Inference Protocol (V2, REST), JSON and binary tensors.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Kind, Signature, output_names
from seatrial.serve.formats import binary_tensors
from seatrial.serve.formats.request_columns import (
    EXPECTED,
    MAY_BE_MISSING,
    Question,
    Reply,
    booleans_column,
    check_answered,
    dump_json,
    load_json,
    null_hint,
    numbers_column,
    shown,
    some_names,
    texts_column,
    unknown_name,
)
from seatrial.serve.guard import GUARD, Guard, asked_guard

_INTEGERS = {f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)} | {
    f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)
}
_NUMBERS = ("FP32", "FP64", *_INTEGERS, "BOOL")
_HALVES = ("FP16", "BF16")  # the protocol: JSON has no form for them
_TEXTS = ("BYTES",)
# What each kind of column is announced as. Every kind of number may come as any datatype of numbers: the model says
# which value of which row it cannot take.
ANNOUNCED: Mapping[Kind, str] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}
_INPUTS = 'Send {"inputs": [{"name": …, "datatype": …, "shape": …, "data": …}]}.'
_SIZE = "binary_data_size"
_ID_CHARACTERS = 256
_SIZE_BITS = 31
_MOST_INPUTS_OVER = 8  # inputs beyond those of the model that are read before they are refused


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the response holds: outputs by name in their order, and which of them as bytes."""

    outputs: tuple[str, ...]
    binary: frozenset[str]


def parse_request(
    body: bytes,
    signature: Signature,
    *,
    model: str,
    version: str,
    header_length: int | None = None,
    guard: Guard | None = None,
) -> Question:
    """The request in `body`; an `InputError` names the fault's path in the document, and the way out.

    Every input of the signature is one tensor, [n] or [n, 1], by the column's name: BYTES for a text; FP64, FP32,
    INT8 … UINT64 or BOOL for numbers. A null is a missing value, which integers and booleans cannot be. Where tensors
    follow the document as bytes, that is `header_length` long. The parameter `guard` asks for that report.
    """
    if header_length is not None and not 0 <= header_length <= len(body):
        raise InputError(
            f"Inference-Header-Content-Length is {header_length}, the body has {len(body)} bytes.",
            hint="Send the length of the JSON document that the tensors follow.",
        )
    document = load_json(body if header_length is None else body[:header_length])
    if not isinstance(document, dict):
        raise InputError("the request must be a JSON object.", hint=_INPUTS)
    raw = memoryview(b"" if header_length is None else body)[header_length or 0 :]
    columns = _columns(document, raw, signature)
    rows = len(columns[signature.inputs[0].name])
    identity = _id(document)
    requested = _wanted(document, signature)
    reporting = asked_guard(_parameters(document, "").get(GUARD), guard, path=f"parameters.{GUARD}")

    def reply(predictions: Predictions) -> Reply:
        check_answered(predictions, columns, signature)
        head: dict[str, object] = {"model_name": model, "model_version": version}
        if identity is not None:
            head["id"] = identity
        if reporting is not None:
            head["parameters"] = {GUARD: reporting.report(columns)}
        return _response(head, tensors_of(predictions, signature), requested)

    return Question(columns, rows, reply)


def check_complete(columns: Mapping[str, NDArray[Any]], signature: Signature) -> None:
    """An `InputError` unless every input is there, with as many rows as the first."""
    for column in signature.inputs:
        if column.name not in columns:
            missing = "; null is a missing value" if column.kind in MAY_BE_MISSING else ""
            raise InputError(
                f"input {column.name!r} is missing.",
                path="inputs",
                hint=f"Send it as {ANNOUNCED[column.kind]}{missing}.",
            )
    first = signature.inputs[0].name
    for name, values in columns.items():
        if len(values) != len(columns[first]):
            raise InputError(
                f"input {name!r} has {len(values)} rows, input {first!r} has {len(columns[first])}.",
                path="inputs",
                hint="Send one value a row in each input.",
            )


@dataclass(frozen=True, slots=True)
class Tensor:
    """One output: its name, datatype, shape, and values (object[n] of str, or float64 of that shape)."""

    name: str
    datatype: str
    shape: list[int]
    values: NDArray[Any]

    def to_bytes(self) -> bytes:
        """Its values as raw bytes."""
        if self.datatype == "BYTES":
            return binary_tensors.texts_bytes(self.values.tolist())
        return binary_tensors.numbers_bytes(self.values)


def tensors_of(predictions: Predictions, signature: Signature) -> dict[str, Tensor]:
    """The outputs by name: label BYTES[n] and probability FP64[n, classes], or value FP64[n] of a regression.

    A regression with an interval gives its lower and upper FP64[n] too, a classifier without probabilities no more
    than its label.
    """
    rows = len(predictions.labels)
    regression = signature.task == "regression"
    first = Tensor("value" if regression else "label", "FP64" if regression else "BYTES", [rows], predictions.labels)
    tensors = [first]
    if predictions.probabilities is not None:
        tensors.append(Tensor("probability", "FP64", [rows, len(signature.classes)], predictions.probabilities))
    if predictions.interval is not None:
        for name, bound in zip(("lower", "upper"), predictions.interval.T, strict=True):
            tensors.append(Tensor(name, "FP64", [rows], bound))
    return {tensor.name: tensor for tensor in tensors}


def _response(head: dict[str, object], tensors: Mapping[str, Tensor], requested: _Wanted) -> Reply:
    outputs: list[dict[str, object]] = []
    raw: list[bytes] = []
    for name in requested.outputs:
        tensor = tensors[name]
        output: dict[str, object] = {"name": name, "datatype": tensor.datatype, "shape": tensor.shape}
        if name in requested.binary:
            raw.append(tensor.to_bytes())
            output["parameters"] = {_SIZE: len(raw[-1])}
        else:
            output["data"] = tensor.values.ravel().tolist()
        outputs.append(output)
    document = dump_json({**head, "outputs": outputs})
    if not raw:
        return Reply(document)
    length = (b"inference-header-content-length", str(len(document)).encode())
    return Reply(b"".join([document, *raw]), "application/octet-stream", (length,))


def _columns(document: Mapping[str, Any], raw: memoryview, signature: Signature) -> dict[str, NDArray[Any]]:
    tensors = document.get("inputs")
    if not isinstance(tensors, list):
        raise InputError("the request must have a list of inputs.", path="inputs", hint=_INPUTS)
    by_name = {column.name: column for column in signature.inputs}
    columns: dict[str, NDArray[Any]] = {}
    taken = 0  # of the raw bytes
    for position, tensor in enumerate(tensors[: len(by_name) + _MOST_INPUTS_OVER]):
        path = f"inputs[{position}]"
        if not isinstance(tensor, dict):
            raise InputError("expected a JSON object.", path=path, hint=_INPUTS)
        name = tensor.get("name")
        if not isinstance(name, str):
            raise InputError(
                "the input must have a name.", path=path, hint=f"The inputs are: {some_names(list(by_name))}."
            )
        if name not in by_name:
            raise unknown_name("input", name, list(by_name), path=f"{path}.name")
        if name in columns:
            raise InputError(f"input {name!r} is there twice.", path=f"{path}.name", hint="Send each input once.")
        size = _binary_size(tensor, len(raw) - taken, path)
        if size is None:
            columns[name] = _from_json(tensor, by_name[name], path)
        else:
            columns[name] = _from_bytes(tensor, raw[taken : taken + size], by_name[name], path)
            taken += size
    check_complete(columns, signature)
    if taken != len(raw):
        raise InputError(
            f"{len(raw) - taken} bytes behind the document belong to no input.",
            hint=f"Say the size of each binary tensor in its parameters, as {_SIZE}.",
        )
    return columns


def _from_json(tensor: Mapping[str, Any], column: Column, path: str) -> NDArray[Any]:
    datatype = checked_datatype(tensor.get("datatype"), column, path, halves=False)
    data, shape = tensor.get("data"), checked_shape(tensor.get("shape"), path)
    if not isinstance(data, list):
        raise InputError(
            f"input {column.name!r} must have data.",
            path=f"{path}.data",
            hint=f"Send its values as a JSON list, or behind the document and their size as {_SIZE}.",
        )
    nested = len(shape) == 2 and bool(data) and isinstance(data[0], list)  # as its shape, or flat: both are allowed
    if nested:
        for place, row in enumerate(data):
            if not isinstance(row, list) or len(row) != 1:
                raise InputError("expected a row of one value.", path=f"{path}.data[{place}]")
        data = [row[0] for row in data]
    if len(data) != shape[0]:
        raise InputError(
            f"input {column.name!r} has {len(data)} values, its shape says {shape[0]}.",
            path=f"{path}.shape",
            hint="Correct the shape.",
        )
    path_of = partial(("{}.data[{}][0]" if nested else "{}.data[{}]").format, path)
    return _values(data, datatype, path_of, expected=f"{datatype} ({null_hint(column)})")


def _values(data: Sequence[Any], datatype: str, path: Callable[[int], str], *, expected: str) -> NDArray[Any]:
    if datatype == "BYTES":
        return texts_column(data, path, expected=expected)
    if datatype == "BOOL":
        return booleans_column(data, path, expected=expected)
    if datatype in _INTEGERS:
        least, most = _INTEGERS[datatype]
        there = [value for value in data if value is not None]
        if set(map(type, there)) - {int} or (there and not least <= min(there) <= max(there) <= most):
            place = next(
                place
                for place, value in enumerate(data)
                if value is not None and (type(value) is not int or not least <= value <= most)
            )
            raise InputError(f"expected {expected}, got {shown(data[place])}.", path=path(place))
        return numbers_column(data, path, expected=expected)
    values = numbers_column(data, path, expected=expected)
    if datatype == "FP32":
        with np.errstate(over="ignore"):  # beyond float32 lies infinity: the codec's clip is behind it
            values = values.astype(np.float32).astype(np.float64)
    return values


def _from_bytes(tensor: Mapping[str, Any], data: memoryview, column: Column, path: str) -> NDArray[Any]:
    datatype = checked_datatype(tensor.get("datatype"), column, path, halves=True)
    if "data" in tensor:
        raise InputError(f"input {column.name!r} has data and {_SIZE}.", path=path, hint="Send one of them.")
    rows = checked_shape(tensor.get("shape"), path)[0]
    return raw_column(data, datatype, rows, path=path)


def raw_column(data: bytes | memoryview, datatype: str, rows: int, *, path: str) -> NDArray[Any]:
    """A binary tensor as a column."""
    if datatype == "BYTES":
        return binary_tensors.texts_of(data, rows, path=path)
    return binary_tensors.numbers_of(data, datatype, rows, path=path)


def checked_datatype(datatype: object, column: Column, path: str, *, halves: bool) -> str:
    """The datatype, if the column can come as that; `halves`: as FP16 and BF16 too, which JSON has no form for."""
    expected = _TEXTS if column.kind == "text" else (*_NUMBERS, *_HALVES) if halves else _NUMBERS
    if not isinstance(datatype, str) or datatype not in expected:
        got = f"{datatype!r:.40}" if isinstance(datatype, str | None) else shown(datatype)
        problem = f"input {column.name!r} is {EXPECTED[column.kind]}, and cannot be {got}"
        if datatype in _HALVES and column.kind != "text":
            problem = f"{datatype} has no form in JSON"
        raise InputError(f"{problem}.", path=f"{path}.datatype", hint=f"Send it as {', '.join(expected)}.")
    return datatype


def checked_shape(shape: object, path: str) -> list[int]:
    """The shape, if it is [n] or [n, 1]."""
    path = f"{path}.shape"
    if not isinstance(shape, list) or {type(size) for size in shape} - {int} or len(shape) not in (1, 2):
        raise InputError("the input must have a shape [n] or [n, 1].", path=path, hint="Send one value a row.")
    if any(size.bit_length() > _SIZE_BITS for size in shape):  # Python writes no integer of more than 4,300 digits
        raise InputError("the shape has a size beyond 2**31 - 1.", path=path, hint="Send one value a row.")
    if shape[0] < 0 or (len(shape) == 2 and shape[1] != 1):
        raise InputError(f"the shape is {shape!r:.60}.", path=path, hint="Each column is an input: send [n] or [n, 1].")
    return shape


def _binary_size(tensor: Mapping[str, Any], left: int, path: str) -> int | None:
    parameters = _parameters(tensor, path)
    size = parameters.get(_SIZE)
    if size is None:
        return None
    if type(size) is not int or not 0 <= size <= left:
        raise InputError(
            f"expected a number of bytes, at most the {left} that are left behind the document.",
            path=f"{path}.parameters.{_SIZE}",
            hint="The header Inference-Header-Content-Length says where the document ends.",
        )
    return size


def _id(document: Mapping[str, Any]) -> str | None:
    identity = document.get("id")
    if identity is None or isinstance(identity, str):
        return None if identity is None else checked_id(identity)
    raise InputError("the id must be a string.", path="id", hint="Send a string, or leave it out.")


def checked_id(identity: str) -> str:
    """The request's id, which comes back with the answer."""
    if len(identity) > _ID_CHARACTERS:
        raise InputError(f"the id is longer than {_ID_CHARACTERS} characters.", path="id", hint="Send a shorter one.")
    return identity


def _wanted(document: Mapping[str, Any], signature: Signature) -> _Wanted:
    names = output_names(signature)
    all_binary = _parameters(document, "").get("binary_data_output") is True
    outputs = document.get("outputs")
    if not outputs:
        return _Wanted(names, frozenset(names) if all_binary else frozenset())
    if not isinstance(outputs, list):
        raise InputError(
            "the outputs must be a list.", path="outputs", hint='Send [{"name": "label"}], or leave it out.'
        )
    is_binary: dict[str, bool] = {}
    for position, output in enumerate(outputs):
        path = f"outputs[{position}]"
        if not isinstance(output, dict):
            raise InputError("expected a JSON object.", path=path, hint='Send {"name": "label"}.')
        name = output.get("name")
        if not isinstance(name, str) or name not in names:
            raise unknown_name("output", str(name), names, path=f"{path}.name")
        is_binary[name] = _parameters(output, path).get("binary_data", all_binary) is True
    return _Wanted(
        tuple(name for name in names if name in is_binary), frozenset(name for name in is_binary if is_binary[name])
    )


def _parameters(owner: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    parameters = owner.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InputError("the parameters must be a JSON object.", path=f"{path}.parameters".lstrip("."))
    return parameters
