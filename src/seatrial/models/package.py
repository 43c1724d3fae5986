"""The model package: what is in it, and building one that answers as the framework does."""

from __future__ import annotations

import dataclasses
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
from seatrial.models.codec import Codec
from seatrial.models.finished.onnx.plain_graph import read_plain_graph, to_plain_graph
from seatrial.models.finished.open_finished import finish
from seatrial.models.finished.options import ModelOptions
from seatrial.models.frameworks.exporters import convert, export_logits, gives_logits
from seatrial.models.frameworks.torch.rebuild import check_rebuilt, factory_of
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
from seatrial.models.trained import Trained
from seatrial.models.trained_signature import agreed_classes, check_positive, signature_of
from seatrial.stores import documents

__all__ = ["DataSnapshot", "Provenance", "build_package", "signature_of"]

_WHERE = "Trained.fitted"


def build_package(trained: Trained, *, rows: pa.Table, provenance: Provenance) -> dict[str, bytes]:
    """The files of the package, by name: the same inputs give the same bytes.

    `rows` are real rows, of the data it was trained on, that hold at least the model's columns. The package answers
    for them as the framework does (see `agreement`), or a `StepFailed` shows the worst rows and nothing is packaged.
    A model that cannot be exported, or a `Trained` that contradicts itself, is an `InputError`.
    """
    if trained.codec is not None and gives_logits(trained.fitted):
        return _logits(trained, trained.codec, rows, provenance)
    if trained.factory is not None:
        raise InputError(
            "a factory makes a PyTorch module behind a codec anew, and this is none.",
            path="Trained.factory",
            hint="Leave it out: without gradients the model is attacked as a black box.",
        )
    return _converted(trained, rows, provenance)


def _logits(trained: Trained, codec: Codec, rows: pa.Table, provenance: Provenance) -> dict[str, bytes]:
    signature = signature_of(trained)
    if trained.factory is not None:
        provenance = dataclasses.replace(provenance, factory=factory_of(trained.factory, trained.arguments))
    exported = export_logits(trained.fitted, codec)
    model = join(codec, exported.model, signature)
    files = {
        MODEL_ONNX: _checked(model),
        SIGNATURE_JSON: documents.to_json(signature),
        CODEC_JSON: codec.to_document(),
        PROVENANCE_JSON: documents.to_json(provenance),
    }
    if tensors := _shared(exported.tensors, model):
        files[WEIGHTS] = safetensors.numpy.save(tensors)
    check_agreement(codec, signature, exported.answer, load_predictor(files), rows)
    if provenance.factory is not None:
        check_rebuilt(files, trained.fitted)
    return dict(sorted(files.items()))


def _converted(trained: Trained, rows: pa.Table, provenance: Provenance) -> dict[str, bytes]:
    """The package that `open_finished` would make of the model's ONNX file."""
    if not rows.num_rows:
        raise InputError(
            "comparing the package with the framework takes at least one row, got 0.",
            path="rows",
            hint="Give some of the rows that the model was trained on.",
        )
    if isinstance(trained.fitted, bytes):
        graph, converted = read_plain_graph(trained.fitted, path=_WHERE), None
        classes, task = trained.classes or None, None
    else:
        converted = convert(trained, rows)
        classes, task = agreed_classes(trained, converted.classes), converted.task
        graph, converted = to_plain_graph(converted.model, path=_WHERE), dataclasses.replace(converted, classes=classes)
    if classes is not None:
        check_positive(trained, classes)
    finished = finish(
        graph,
        converted,
        provenance,
        schema=rows.schema,
        label=None,
        labels=None,
        options=ModelOptions(
            inputs=trained.inputs or None,
            task=task,
            classes=classes,
            positive=trained.positive,
            threshold=None if task in ("multiclass", "regression") else trained.threshold,
        ),
        rows=rows,
        path=_WHERE,
    )
    files = dict(finished.package)
    if trained.codec is not None:
        files[CODEC_JSON] = trained.codec.to_document()
    return dict(sorted(files.items()))


def _checked(model: onnx.ModelProto) -> bytes:
    try:
        check_valid(model)
    except ValueError as error:
        raise InputError(
            f"the model does not fit behind the codec: {error}.",
            path=MODEL_ONNX,
            hint="Export it with a newer opset, float32 features in and logits out.",
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
