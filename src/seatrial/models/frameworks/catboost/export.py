"""CatBoost's models, by CatBoost's own exporter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.columns import number_column
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.frameworks.class_names import class_names
from seatrial.models.safety import first_line
from seatrial.models.trained import Trained

_WHERE = "Trained.fitted"
# CatBoost 1.2 exports their sums, and leaves the exponential out.
_WITHOUT_LINK = ("Poisson", "Tweedie", "LogLinQuantile")


def own_names(fitted: Any) -> Iterable[object] | None:
    """The names of its features."""
    return fitted.feature_names_  # type: ignore[no-any-return]


def convert(trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:  # noqa: ARG001  # an `Exporter`'s
    """The model for the columns `inputs`."""
    return convert_catboost(trained.fitted, inputs)


def convert_catboost(fitted: Any, inputs: tuple[str, ...]) -> ConvertedModel:  # of a library without types
    """The model for a matrix of its features; `InputError` where CatBoost's exporter can't, or would be wrong."""
    loss = str(fitted.get_all_params().get("loss_function", "")) if fitted.is_fitted() else ""
    if loss.startswith(_WITHOUT_LINK):
        raise InputError(
            f"CatBoost's ONNX export of the loss {loss} leaves its exponential out.",
            path=_WHERE,
            hint="Train on the logarithm of the label with RMSE, or with a library whose export has it.",
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        try:
            fitted.save_model(str(file), format="onnx")
        except Exception as error:  # noqa: BLE001  # CatBoostError, and what its C++ throws
            raise InputError(
                f"CatBoost could not export this {type(fitted).__name__}: {first_line(error)}",
                path=_WHERE,
                hint="Its ONNX export takes no categorical and no text features: encode them before training.",
            ) from None
        model = onnx.load_model_from_string(file.read_bytes())
    classes = class_names(fitted.classes_) or None
    if classes:
        outputs = [value for value in model.graph.output if value.name != "label"]
        del model.graph.output[:]
        model.graph.output.extend(outputs)
    else:
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")  # it says [n], and gives [n, 1]

    def answer(rows: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
        matrix = np.column_stack([number_column(rows, name) for name in names])
        return np.asarray(fitted.predict_proba(matrix) if classes else fitted.predict(matrix), np.float64)

    own = tuple(str(name) for name in fitted.feature_names_)
    unnamed = own == tuple(str(number) for number in range(len(own)))
    return ConvertedModel(
        model,
        "regression" if not classes else "binary" if len(classes) == 2 else "multiclass",
        features=inputs or (None if unnamed else own),
        classes=classes,
        answer=answer,
        library="CatBoost",
    )
