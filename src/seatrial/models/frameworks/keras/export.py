"""Keras models, by Keras' own exporter."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.columns import number_column
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.frameworks.probability_nodes import with_probabilities
from seatrial.models.frameworks.silence import silence
from seatrial.models.safety import first_line
from seatrial.models.trained import Trained

_WHERE = "Trained.fitted"
_EXAMPLE_ROWS = 2
_PROBABILITIES = ("sigmoid", "softmax")


def own_names(fitted: Any) -> None:  # noqa: ARG001  # an `Exporter`'s
    """A Keras model knows no names of columns."""
    return


def convert(trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:  # noqa: ARG001  # an `Exporter`'s
    """The model for the columns `inputs`."""
    return convert_keras(trained.fitted, inputs, trained.classes, trained.positive)


def convert_keras(
    fitted: Any, inputs: tuple[str, ...], classes: tuple[str, ...], positive: str | None
) -> ConvertedModel:  # of a library without types
    """The model for one matrix: of a last layer's sigmoid (of the second class) or softmax, of logits, or of values."""
    shapes = [list(tensor.shape) for tensor in fitted.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or len(fitted.outputs) != 1:
        raise InputError(
            f"this Keras model takes {shapes} and gives {len(fitted.outputs)} outputs.",
            path=_WHERE,
            hint="It takes one matrix, [None, columns], and gives one output: put what comes before into its layers.",
        )
    width = shapes[0][1]
    if inputs and len(inputs) != width:
        raise InputError(f"{len(inputs)} columns are named, the model takes {width}.", path="Trained.inputs")
    try:
        with silence(), tempfile.TemporaryDirectory() as folder:
            fitted(np.zeros((_EXAMPLE_ROWS, width), np.float32))  # Keras exports what was called once
            file = Path(folder) / "model.onnx"
            fitted.export(str(file), format="onnx", verbose=False)
            model = onnx.load_model(str(file))
    except Exception as error:  # noqa: BLE001  # whatever the back end raises, about this model
        raise InputError(
            f"Keras could not export {fitted.name!r} to ONNX: {first_line(error)}",
            path=_WHERE,
            hint="The back ends torch and tensorflow export: KERAS_BACKEND=torch; torch needs onnxscript, "
            'pip install "seatrial[torch]".',
        ) from None
    activation = getattr(getattr(fitted.layers[-1], "activation", None), "__name__", "")
    logits = bool(classes) and activation not in _PROBABILITIES
    place = classes.index(positive) if len(classes) == 2 and positive in classes else 1
    if logits:
        model = with_probabilities(model, classes=len(classes), place=place)

    def answer(rows: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
        matrix = np.column_stack([number_column(rows, name) for name in names]).astype(np.float32)
        answered = np.asarray(fitted.predict(matrix, verbose=0), np.float64)
        return _softmax(answered, place) if logits else answered

    return ConvertedModel(
        model,
        "regression" if not classes else "binary" if len(classes) == 2 else "multiclass",
        features=inputs or None,
        classes=classes or None,
        answer=answer,
        library="Keras",
    )


def _softmax(logits: NDArray[np.float64], place: int) -> NDArray[np.float64]:
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits] if place else [logits, np.zeros_like(logits)])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
