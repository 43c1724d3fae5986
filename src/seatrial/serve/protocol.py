"""The Open Inference Protocol's documents (KServe V2, REST, JSON tensors), as pure functions of bytes and values.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from seatrial.errors import InputError
from seatrial.models.columns import inputs_without_value
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Kind, Signature, output_names

_FLOATS = {"FP32": np.float32, "FP64": np.float64}
_INTEGERS = {
    "INT8": pa.int8(),
    "INT16": pa.int16(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "UINT8": pa.uint8(),
    "UINT16": pa.uint16(),
    "UINT32": pa.uint32(),
    "UINT64": pa.uint64(),
}
_NUMBERS = (*_FLOATS, *_INTEGERS, "BOOL")
_TEXTS = ("BYTES",)
# What each kind of column is announced as. Every kind of number may come as any datatype of numbers: the model says
# which value of which row it cannot take.
_ANNOUNCED: Mapping[Kind, str] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES"}
_CALLED: Mapping[Kind, str] = {
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "text": "a text",
}
_MISSING: Mapping[Kind, str] = {"number": "; null is a missing value", "text": "; null is a missing value"}
_NONE = type(None)


@dataclass(frozen=True, slots=True)
class InferRequest:
    """Rows to answer for, the request's own id, and the outputs that were asked for."""

    rows: pa.Table
    id: str | None
    outputs: tuple[str, ...]


def parse_request(body: bytes, signature: Signature) -> InferRequest:
    """The request in `body`; an `InputError` names what is wrong with it, and the way out.

    Every input of the signature is one tensor, [n] or [n, 1], by the column's name: BYTES for a text; FP64, FP32,
    INT8 … UINT64 or BOOL for numbers. A null is a missing value, which integers and booleans cannot be.
    """
    document = _object(_json(body), "the request")
    tensors = _tensors(document, signature)
    columns = {column.name: _column(tensors[column.name], column) for column in signature.inputs}
    first = signature.inputs[0].name
    for name, values in columns.items():
        if len(values) != len(columns[first]):
            raise InputError(
                f"input {name!r} has {len(values)} rows, input {first!r} has {len(columns[first])}.",
                hint="Send one value a row in each input.",
            )
    return InferRequest(pa.table(columns), _id(document), _outputs(document, signature))


def check_answered(predictions: Predictions, request: InferRequest, signature: Signature) -> None:
    """An `InputError` where the model gives NaN for a row, naming the inputs that have no value there."""
    gone = predictions.unanswered
    if not gone.any():
        return
    row = int(gone.argmax())
    missing = inputs_without_value(request.rows, signature.inputs, row)
    has = "has" if len(missing) == 1 else "have"
    raise InputError(
        f"the model does not answer row {row}"
        + (f", where {', '.join(map(repr, missing))} {has} no value." if missing else ": its numbers are NaN."),
        hint="Send a value, filled as it was filled when the model was trained, or leave the row out.",
    )


def render_response(
    predictions: Predictions, request: InferRequest, signature: Signature, *, model: str, version: str
) -> bytes:
    """The response document: label BYTES[n] and probability FP64[n, classes], or value FP64[n] of a regression.

    A regression with an interval gives its lower and upper FP64[n] too, a classifier without probabilities no more
    than its label.
    """
    labels = predictions.labels.tolist()
    rows = len(labels)
    tensors: dict[str, dict[str, object]] = {}
    if signature.task == "regression":
        tensors["value"] = {"datatype": "FP64", "shape": [rows], "data": _finite(labels)}
    else:
        tensors["label"] = {"datatype": "BYTES", "shape": [rows], "data": labels}
    if predictions.probabilities is not None:
        flat = _finite(predictions.probabilities.ravel().tolist())
        tensors["probability"] = {"datatype": "FP64", "shape": [rows, len(signature.classes)], "data": flat}
    if predictions.interval is not None:
        for name, bound in zip(("lower", "upper"), predictions.interval.T, strict=True):
            tensors[name] = {"datatype": "FP64", "shape": [rows], "data": _finite(bound.tolist())}
    document: dict[str, object] = {"model_name": model, "model_version": version}
    if request.id is not None:
        document["id"] = request.id
    document["outputs"] = [{"name": name, **tensors[name]} for name in request.outputs]
    return to_bytes(document)


def model_metadata(signature: Signature, *, model: str, version: str) -> dict[str, object]:
    """The metadata of the model: names, datatypes and shapes of what it takes and gives.

    The classes, in the order of the probabilities, are a parameter of that output.
    """
    outputs: list[dict[str, object]] = []
    for name in output_names(signature):
        output: dict[str, object] = {"name": name, "datatype": "FP64", "shape": [-1]}
        if name == "label":
            output["datatype"] = "BYTES"
        if name == "probability":
            output["shape"] = [-1, len(signature.classes)]
            output["parameters"] = {"classes": json.dumps(signature.classes, ensure_ascii=False)}
        outputs.append(output)
    return {
        "name": model,
        "versions": [version],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": column.name, "datatype": _ANNOUNCED[column.kind], "shape": [-1]} for column in signature.inputs
        ],
        "outputs": outputs,
    }


def to_bytes(document: Mapping[str, object]) -> bytes:
    """A document as JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _json(body: bytes) -> object:
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise InputError("the body is not UTF-8.", hint="Send JSON in UTF-8.") from None
    except RecursionError:
        raise InputError("the body is nested too deeply.", hint="Send flat tensors.") from None
    except ValueError as error:
        raise InputError(f"the body is not JSON: {error}.", hint="Send one JSON object.") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; send null for a missing number")


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is not a JSON object.", hint='Send {"inputs": [{"name": …, "datatype": …, …}]}.')
    return value


def _tensors(document: Mapping[str, Any], signature: Signature) -> Mapping[str, Mapping[str, Any]]:
    given = document.get("inputs")
    if not isinstance(given, list):
        raise InputError(
            "the request must have a list of inputs.", hint='Send {"inputs": [{"name": …, "datatype": …, …}]}.'
        )
    known = [column.name for column in signature.inputs]
    tensors: dict[str, Mapping[str, Any]] = {}
    for position, item in enumerate(given):
        tensor = _object(item, f"inputs[{position}]")
        name = tensor.get("name")
        if not isinstance(name, str):
            raise InputError(f"inputs[{position}] must have a name.", hint=f"The inputs are: {', '.join(known)}.")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise InputError(
                f"the model does not have an input {name!r}.",
                hint=f"Did you mean {close[0]!r}?" if close else f"The inputs are: {', '.join(known)}.",
            )
        if name in tensors:
            raise InputError(f"input {name!r} is there twice.", hint="Send each input once.")
        tensors[name] = tensor
    for column in signature.inputs:
        if column.name not in tensors:
            raise InputError(
                f"input {column.name!r} is missing.",
                hint=f"Send it as {_ANNOUNCED[column.kind]}{_MISSING.get(column.kind, '')}.",
            )
    return tensors


def _column(tensor: Mapping[str, Any], column: Column) -> pa.Array[Any]:
    datatype = tensor.get("datatype")
    expected = _TEXTS if column.kind == "text" else _NUMBERS
    if datatype not in expected:
        raise InputError(
            f"input {column.name!r} is {_CALLED[column.kind]}, and cannot be {datatype!r}.",
            hint=f"Send it as {', '.join(expected)}.",
        )
    return _array(_data(tensor, column.name), str(datatype), column.name)


def _data(tensor: Mapping[str, Any], name: str) -> list[Any]:
    data, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(data, list):
        raise InputError(
            f"input {name!r} must have data.", hint="Send its values as a JSON list; binary tensors are not taken."
        )
    if not isinstance(shape, list) or {type(size) for size in shape} - {int} or len(shape) not in (1, 2):
        raise InputError(f"input {name!r} must have a shape [n] or [n, 1].", hint="Send one value a row.")
    if len(shape) == 2 and shape[1] != 1:
        raise InputError(f"input {name!r} has the shape {shape}.", hint="Each column is an input: send [n] or [n, 1].")
    if len(shape) == 2 and data and isinstance(data[0], list):  # nested as its shape, or flat: the protocol has both
        if any(not isinstance(row, list) or len(row) != 1 for row in data):
            raise InputError(f"input {name!r} has rows that are not of one value.", hint="Send one value a row.")
        data = [row[0] for row in data]
    if len(data) != shape[0]:
        raise InputError(
            f"input {name!r} has {len(data)} values, its shape says {shape[0]}.", hint="Correct the shape."
        )
    return data


def _array(data: Sequence[Any], datatype: str, name: str) -> pa.Array[Any]:
    found = set(map(type, data))
    try:
        if datatype in _FLOATS and found <= {int, float, _NONE}:
            with np.errstate(over="ignore"):  # beyond float32 lies infinity: the codec's clip is behind it
                exact = np.array([math.nan if value is None else value for value in data], np.float64)
                floats: pa.Array[Any] = pa.array(exact.astype(_FLOATS[datatype]))
                return floats
        if datatype in _INTEGERS and found <= {int, _NONE}:
            return pa.array(data, _INTEGERS[datatype])
        if datatype == "BOOL" and found <= {bool, _NONE}:
            return pa.array(data, pa.bool_())
        if datatype == "BYTES" and found <= {str, _NONE}:
            return pa.array(data, pa.string())
    except (OverflowError, UnicodeEncodeError, pa.ArrowInvalid):
        pass  # a number that the datatype does not hold, or half of a surrogate pair
    raise InputError(
        f"input {name!r} has values that are not {datatype}.",
        hint="Send strings, or null." if datatype == "BYTES" else "Send values of that datatype, or null.",
    )


def _id(document: Mapping[str, Any]) -> str | None:
    given = document.get("id")
    if given is None:
        return None
    if not isinstance(given, str) or any("\ud800" <= character <= "\udfff" for character in given):
        raise InputError("the id is not a string.", hint="Send a string, or leave it out.")
    return given


def _outputs(document: Mapping[str, Any], signature: Signature) -> tuple[str, ...]:
    names = output_names(signature)
    asked = document.get("outputs")
    if not asked:
        return names
    if not isinstance(asked, list):
        raise InputError("the outputs are not a list.", hint='Send [{"name": "label"}], or leave it out.')
    wanted = [_object(item, "an output").get("name") for item in asked]
    for name in wanted:
        if name not in names:
            raise InputError(
                f"the model does not have an output {name!r}.", hint=f"The outputs are: {', '.join(names)}."
            )
    return tuple(name for name in names if name in wanted)


def _finite(values: Sequence[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]  # JSON has no other word for it
