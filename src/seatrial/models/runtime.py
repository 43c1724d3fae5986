"""Answering: a package's graph on onnxruntime, from bytes that were hashed and never from a path again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from onnx import numpy_helper

from seatrial.errors import Corrupt, InputError
from seatrial.models.codec import Codec
from seatrial.models.columns import kind_array, kind_column
from seatrial.models.graph import LABEL, LOWER, PROBABILITY, UPPER, VALUE, element_of
from seatrial.models.label_lookup import LabelLookup, find_label_lookup
from seatrial.models.predictor import Predictions
from seatrial.models.provenance import Provenance
from seatrial.models.safety import first_line, read_model
from seatrial.models.sessions import open_session
from seatrial.models.signature import Signature, output_names
from seatrial.stores import documents

MODEL_ONNX, WEIGHTS = "model.onnx", "weights.safetensors"
SIGNATURE_JSON, CODEC_JSON, PROVENANCE_JSON = "signature.json", "codec.json", "provenance.json"
REQUIRED = frozenset({MODEL_ONNX, SIGNATURE_JSON, PROVENANCE_JSON})
OPTIONAL = frozenset({CODEC_JSON, WEIGHTS})  # a finished model brings neither

BATCH_ROWS = 16_384  # bounds what one run of the graph allocates: 16,384 rows × 1000 features × 4 bytes is 64 MiB


class OnnxPredictor:
    """A `Predictor` over one onnxruntime session. Threads may share it."""

    def __init__(
        self,
        session: Any,
        signature: Signature,
        codec: Codec | None,
        provenance: Provenance,
        *,
        choice: LabelLookup | None = None,
        bounds: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """`choice`: what the session gives for labels instead of texts; `bounds`: of its integer columns."""
        self.signature = signature
        self.codec = codec
        self.provenance = provenance
        self._session = session
        self._choice = choice
        self._bounds = bounds or {}
        self._outputs = output_names(signature)
        self._asked = [choice.tensor if choice and name == LABEL else name for name in self._outputs]

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`; extra columns are ignored, a missing or ill-typed one is an `InputError`.

        Numbers of any Arrow type enter as float64, null as NaN; texts as strings, null as "". A missing or fractional
        value in an integer or boolean column is an `InputError` that names its row.
        """
        starts = _starts(rows.num_rows)
        return self._predictions([self._run(self._columns(rows.slice(start, BATCH_ROWS), start)) for start in starts])

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        """Answers for columns that are NumPy's already, as `predict` answers for the same rows.

        By name, each column of the signature: float64[n], NaN for a missing value, or object[n] of str. A missing or
        fractional value in an integer or boolean column is an `InputError` that names its row.
        """
        inputs = self.signature.inputs
        rows = len(columns[inputs[0].name])
        answers = []
        for start in _starts(rows):
            piece = slice(start, start + BATCH_ROWS)
            checked = {
                column.name: kind_array(
                    columns[column.name][piece], column, first_row=start, bounds=self._bounds.get(column.name)
                )
                for column in inputs
            }
            answers.append(self._run(checked))
        return self._predictions(answers)

    def _columns(self, rows: pa.Table, first_row: int) -> dict[str, NDArray[Any]]:
        return {
            column.name: kind_column(rows, column, first_row=first_row, bounds=self._bounds.get(column.name))
            for column in self.signature.inputs
        }

    def _run(self, columns: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        feed = {name: values.reshape(-1, 1) for name, values in columns.items()}
        try:
            answers: list[NDArray[Any]] = self._session.run(self._asked, feed)
        except Exception as error:
            if not _is_of_values(error):
                raise
            raise InputError(f"the model cannot take these values: {first_line(error)}") from None
        return answers

    def _predictions(self, answers: list[list[NDArray[Any]]]) -> Predictions:
        whole = answers[0] if len(answers) == 1 else [np.concatenate(parts) for parts in zip(*answers, strict=True)]
        by_name: dict[str, NDArray[Any]] = dict(zip(self._outputs, whole, strict=True))
        if VALUE in by_name:
            interval = np.stack([by_name[LOWER], by_name[UPPER]], axis=1) if self.signature.interval else None
            return Predictions(by_name[VALUE], None, interval)
        labels = by_name[LABEL] if self._choice is None else self._choice.names[by_name[LABEL]]
        return Predictions(labels, by_name.get(PROBABILITY))


def _is_of_values(error: Exception) -> bool:
    """Whether onnxruntime says that a node failed on its values: an index out of range, a text that is no number.

    Its errors have no common class, and it is not imported before a session is opened.
    """
    of_runtime = type(error).__module__.startswith("onnxruntime.")
    out_of_memory = "alloc" in str(error)  # "Failed to allocate memory", "std::bad_alloc"
    return of_runtime and type(error).__name__ in ("InvalidArgument", "Fail", "RuntimeException") and not out_of_memory


def _starts(rows: int) -> range:
    return range(0, max(rows, 1), BATCH_ROWS)  # no rows are one empty batch: it, too, is asked for its columns


def load_predictor(files: Mapping[str, bytes], *, threads: int | None = None) -> OnnxPredictor:
    """The predictor of a package's files; `threads` within one operator (None: one a core).

    Refuses, before onnxruntime sees it, a graph that is not whole in itself or not made of standard operators
    (`Refused`), and files that are missing, too many, ill-formed, or at odds with each other (`Corrupt`).
    """
    _check_files(files)
    signature = documents.from_json(Signature, files[SIGNATURE_JSON], path=SIGNATURE_JSON)
    codec = Codec.from_document(files[CODEC_JSON], path=CODEC_JSON) if CODEC_JSON in files else None
    provenance = documents.from_json(Provenance, files[PROVENANCE_JSON], path=PROVENANCE_JSON)
    try:
        model = read_model(files[MODEL_ONNX])
    except ValueError as error:
        raise Corrupt(f"the file is not a valid ONNX model: {error}.", path=MODEL_ONNX, hint=_PACKAGE_AGAIN) from None
    if codec is not None and codec.columns != signature.inputs:
        raise Corrupt("the codec's inputs are not those of the signature.", path=CODEC_JSON, hint=_PACKAGE_AGAIN)
    _check_signature(model, signature)
    if WEIGHTS in files:
        _check_weights(model, files[WEIGHTS])
    bounds = _bounds(model, signature)
    choice = find_label_lookup(model.graph, LABEL)
    data = files[MODEL_ONNX] if choice is None else choice.with_positions(model)
    del model  # as large as the bytes, which onnxruntime is about to copy once more
    session = open_session(data, path=MODEL_ONNX, threads=threads)
    return OnnxPredictor(session, signature, codec, provenance, choice=choice, bounds=bounds)


_PACKAGE_AGAIN = "Package the model again."


def same_tensor(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Whether two tensors have one digest: dtype, shape and every bit."""
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


def _check_files(files: Mapping[str, bytes]) -> None:
    for name in sorted(REQUIRED - files.keys()):
        raise Corrupt("the package lacks this file.", path=name, hint=_PACKAGE_AGAIN)
    for name in sorted(files.keys() - REQUIRED - OPTIONAL):
        raise Corrupt(
            "the file does not belong to a package.", path=name, hint="Remove it, or package the model again."
        )


def _check_signature(model: onnx.ModelProto, signature: Signature) -> None:
    takes = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    gives = {value.name for value in model.graph.output}
    if takes != {column.name: element_of(column.kind) for column in signature.inputs}:
        raise Corrupt(f"the graph's inputs are not those of {SIGNATURE_JSON}.", path=MODEL_ONNX, hint=_PACKAGE_AGAIN)
    if gives != set(output_names(signature)):
        raise Corrupt(
            f"the graph's outputs {sorted(gives)} are not those of a {signature.task} model.",
            path=MODEL_ONNX,
            hint=_PACKAGE_AGAIN,
        )


def _check_weights(model: onnx.ModelProto, data: bytes) -> None:
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    try:
        weights = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise Corrupt(f"the file is not a valid safetensors file: {error}", path=WEIGHTS, hint=_PACKAGE_AGAIN) from None
    for name, tensor in weights.items():
        if name not in held or not same_tensor(numpy_helper.to_array(held[name]), tensor):
            raise Corrupt(f"the tensor {name!r} is not the one in {MODEL_ONNX}.", path=WEIGHTS, hint=_PACKAGE_AGAIN)


def _bounds(model: onnx.ModelProto, signature: Signature) -> dict[str, tuple[int, int]]:
    # The first thing that happens to an integer column is a cast to what the model takes.
    casts = {node.input[0]: node.attribute[0].i for node in model.graph.node if node.op_type == "Cast"}
    names = [column.name for column in signature.inputs if column.kind == "integer" and column.name in casts]
    limits = {name: np.iinfo(onnx.helper.tensor_dtype_to_np_dtype(casts[name])) for name in names}
    return {name: (int(limit.min), int(limit.max)) for name, limit in limits.items()}
