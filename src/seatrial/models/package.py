"""The model package: what is in it, and building one that answers as the framework does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import safetensors.numpy
from numpy.typing import NDArray
from onnx import numpy_helper

from seatrial.errors import InputError
from seatrial.models.agreement import check_agreement
from seatrial.models.export import export
from seatrial.models.graph import MODEL
from seatrial.models.join import join
from seatrial.models.provenance import DataSnapshot, Provenance
from seatrial.models.runtime import (
    CODEC_JSON,
    MODEL_ONNX,
    PROVENANCE_JSON,
    SIGNATURE_JSON,
    WEIGHTS,
    load_predictor,
    same_tensor,
)
from seatrial.models.safety import check_valid
from seatrial.models.signature import Signature
from seatrial.models.trained import Trained
from seatrial.stores import documents

__all__ = ["DataSnapshot", "Provenance", "build_package", "signature_of"]


def build_package(trained: Trained, *, rows: pa.Table, provenance: Provenance) -> dict[str, bytes]:
    """The files of the package, by name: the same inputs give the same bytes.

    `rows` are real rows, of the data it was trained on, that hold at least the codec's columns. The package answers
    for them as the framework does (see `agreement`), or a `StepFailed` shows the worst rows and nothing is packaged.
    A model that cannot be exported, or a `Trained` that contradicts itself, is an `InputError`.
    """
    signature = signature_of(trained)
    exported = export(trained)
    model = join(trained.codec, exported.model, signature)
    files = {
        MODEL_ONNX: _checked(model),
        SIGNATURE_JSON: documents.to_json(signature),
        CODEC_JSON: trained.codec.to_document(),
        PROVENANCE_JSON: documents.to_json(provenance),
    }
    if tensors := _shared(exported.tensors, model):
        files[WEIGHTS] = safetensors.numpy.save(tensors)
    check_agreement(trained.codec, signature, exported.answer, load_predictor(files), rows)
    return dict(sorted(files.items()))


def signature_of(trained: Trained) -> Signature:
    """What the packaged model takes and gives; `InputError` where classes, positive and threshold do not fit."""
    classes, inputs = trained.classes, trained.codec.columns
    if len(set(classes)) != len(classes) or len(classes) == 1:
        raise InputError(
            f"the classes are {list(classes)}.",
            path="Trained.classes",
            mend="Name at least two different classes, or none for a regression.",
        )
    if len(classes) != 2:
        if trained.positive is not None:
            raise InputError(
                f"a positive class belongs to two classes, not to {len(classes)}.",
                path="Trained.positive",
                mend="Leave it out.",
            )
        return Signature(inputs, "multiclass" if classes else "regression", classes)
    if trained.positive not in classes:
        raise InputError(
            f"{trained.positive!r} is none of the classes {list(classes)}.",
            path="Trained.positive",
            mend="Name the class whose logit the model gives.",
        )
    if not 0 <= trained.threshold <= 1:
        raise InputError(
            f"{trained.threshold} is no probability.", path="Trained.threshold", mend="It lies between 0 and 1."
        )
    return Signature(inputs, "binary", classes, trained.positive, float(trained.threshold))


def _checked(model: onnx.ModelProto) -> bytes:
    try:
        check_valid(model)
    except ValueError as error:
        raise InputError(
            f"the model does not fit behind the codec: {error}.",
            path=MODEL_ONNX,
            mend="Export it with a newer opset, float32 features in and logits out.",
        ) from None
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _shared(tensors: Mapping[str, NDArray[Any]], model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    # A tensor the graph does not use (a counter of batch normalisation) is no parameter of what is packaged.
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return {
        f"{MODEL}{name}": np.ascontiguousarray(tensor)
        for name, tensor in sorted(tensors.items())
        if f"{MODEL}{name}" in held and same_tensor(held[f"{MODEL}{name}"], tensor)
    }
