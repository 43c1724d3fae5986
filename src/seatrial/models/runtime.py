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
from onnx import TensorProto, numpy_helper

from seatrial.errors import Corrupt
from seatrial.models.codec import Codec
from seatrial.models.columns import number_column, text_column
from seatrial.models.graph import LABEL, PROBABILITY, VALUE
from seatrial.models.predictor import Predictions
from seatrial.models.provenance import Provenance
from seatrial.models.safety import read_model
from seatrial.models.sessions import open_session
from seatrial.models.signature import Column, Signature
from seatrial.stores import documents

MODEL_ONNX, WEIGHTS = "model.onnx", "weights.safetensors"
SIGNATURE_JSON, CODEC_JSON, PROVENANCE_JSON = "signature.json", "codec.json", "provenance.json"
REQUIRED = frozenset({MODEL_ONNX, SIGNATURE_JSON, CODEC_JSON, PROVENANCE_JSON})
OPTIONAL = frozenset({WEIGHTS})

BATCH_ROWS = 8192  # bounds what one run of the graph allocates: 8192 rows × 1000 features × 4 bytes is 32 MiB
_ONNX_TYPES = {"number": TensorProto.DOUBLE, "text": TensorProto.STRING}


class OnnxPredictor:
    """A `Predictor` over one onnxruntime session. Threads may share it."""

    def __init__(self, session: Any, signature: Signature, codec: Codec, provenance: Provenance) -> None:
        self.signature = signature
        self.codec = codec
        self.provenance = provenance
        self._session = session
        self._outputs = [VALUE] if signature.task == "regression" else [LABEL, PROBABILITY]

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`; extra columns are ignored, a missing or ill-typed one is an `InputError`.

        Numbers of any Arrow type enter as float64, null as NaN; texts as strings, null as "".
        """
        # An empty table is one empty batch: it, too, is asked for its columns.
        starts = range(0, max(rows.num_rows, 1), BATCH_ROWS)
        answers = [self._run(rows.slice(start, BATCH_ROWS)) for start in starts]
        columns = [np.concatenate(parts) for parts in zip(*answers, strict=True)]
        return Predictions(columns[0], columns[1] if len(columns) > 1 else None)

    def _run(self, rows: pa.Table) -> list[NDArray[Any]]:
        feed = {column.name: _tensor(rows, column) for column in self.signature.inputs}
        answers: list[NDArray[Any]] = self._session.run(self._outputs, feed)
        return answers


def load_predictor(files: Mapping[str, bytes], *, threads: int | None = None) -> OnnxPredictor:
    """The predictor of a package's files; `threads` within one operator (None: one a core).

    Refuses, before onnxruntime sees it, a graph that is not whole in itself or not made of standard operators
    (`Refused`), and files that are missing, too many, ill-formed, or at odds with each other (`Corrupt`).
    """
    _check_files(files)
    signature = documents.from_json(Signature, files[SIGNATURE_JSON], path=SIGNATURE_JSON)
    codec = Codec.from_document(files[CODEC_JSON], path=CODEC_JSON)
    provenance = documents.from_json(Provenance, files[PROVENANCE_JSON], path=PROVENANCE_JSON)
    try:
        model = read_model(files[MODEL_ONNX])
    except ValueError as error:
        raise Corrupt(f"no valid ONNX model: {error}.", path=MODEL_ONNX, mend=_MEND) from None
    if codec.columns != signature.inputs:
        raise Corrupt("these are not the inputs of the signature.", path=CODEC_JSON, mend=_MEND)
    _check_signature(model, signature)
    if WEIGHTS in files:
        _check_weights(model, files[WEIGHTS])
    session = open_session(files[MODEL_ONNX], path=MODEL_ONNX, threads=threads)
    return OnnxPredictor(session, signature, codec, provenance)


_MEND = "Package the model again."


def same_tensor(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two tensors have one digest: dtype, shape and every bit."""
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _check_files(files: Mapping[str, bytes]) -> None:
    for name in sorted(REQUIRED - files.keys()):
        raise Corrupt("the package lacks this file.", path=name, mend=_MEND)
    for name in sorted(files.keys() - REQUIRED - OPTIONAL):
        raise Corrupt("a package has no such file.", path=name, mend="Remove it, or package the model again.")


def _check_signature(model: onnx.ModelProto, signature: Signature) -> None:
    takes = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    gives = {value.name for value in model.graph.output}
    if takes != {column.name: _ONNX_TYPES[column.kind] for column in signature.inputs}:
        raise Corrupt(f"its inputs are not those of {SIGNATURE_JSON}.", path=MODEL_ONNX, mend=_MEND)
    if gives != ({VALUE} if signature.task == "regression" else {LABEL, PROBABILITY}):
        raise Corrupt(
            f"its outputs {sorted(gives)} are not those of a {signature.task} model.", path=MODEL_ONNX, mend=_MEND
        )


def _check_weights(model: onnx.ModelProto, data: bytes) -> None:
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    try:
        weights = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise Corrupt(f"no valid safetensors file: {error}", path=WEIGHTS, mend=_MEND) from None
    for name, tensor in weights.items():
        if name not in held or not same_tensor(numpy_helper.to_array(held[name]), tensor):
            raise Corrupt(f"the tensor {name!r} is not the one in {MODEL_ONNX}.", path=WEIGHTS, mend=_MEND)


def _tensor(rows: pa.Table, column: Column) -> NDArray[np.float64] | NDArray[np.object_]:
    if column.kind == "number":
        return number_column(rows, column.name).reshape(-1, 1)
    # onnxruntime takes Python objects only: each different text of the batch becomes one, and not each row's.
    encoded = text_column(rows, column.name).combine_chunks().dictionary_encode()
    texts: NDArray[np.object_] = np.array(encoded.dictionary.to_pylist(), object)
    found: NDArray[np.object_] = texts[encoded.indices.to_numpy()].reshape(-1, 1)
    return found
