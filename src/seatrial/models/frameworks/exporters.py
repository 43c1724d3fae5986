"""The exporter of a fitted model's framework, found by the type of the model."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterable
from typing import Any, Protocol, cast

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.frameworks.exported_logits import ExportedModel
from seatrial.models.frameworks.onnx.export import export_onnx
from seatrial.models.frameworks.probability_nodes import behind
from seatrial.models.graph import codec_model
from seatrial.models.join import check_inner
from seatrial.models.trained import Trained

_WHERE = "Trained.fitted"
# The package's first name → how its model becomes ONNX bytes.
_CONVERTERS = {"tensorflow": "tf2onnx", "jax": "jax2onnx"}
# In the order in which they are looked for: the wrappers of boosters are estimators of scikit-learn too.
_FRAMEWORKS = ("xgboost", "lightgbm", "catboost", "keras", "torch", "sklearn")


class Exporter(Protocol):
    """`export.py` of a framework's folder."""

    def own_names(self, fitted: Any) -> Iterable[object] | None:
        """The names of the raw columns that the model was fitted on; None where it knows none."""
        ...

    def convert(self, trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:
        """The fitted model for the columns `inputs`, as ONNX; `InputError` where it cannot be exported exactly."""
        ...


def gives_logits(fitted: object) -> bool:
    """Whether it is a PyTorch module or ONNX bytes: behind a codec these give logits, and keep their tensors."""
    return isinstance(fitted, bytes) or _framework(fitted) == "torch"


def export_logits(fitted: object, codec: Codec) -> ExportedModel:
    """A PyTorch module or ONNX bytes of logits, for the codec's features."""
    if isinstance(fitted, bytes):
        exported = export_onnx(fitted)
    else:
        from seatrial.models.frameworks.torch.export import export_torch

        exported = export_torch(fitted, codec.width)
    check_inner(exported.model, codec.width)
    return exported


def columns_of(trained: Trained) -> tuple[str, ...]:
    """The raw columns that the model takes; `InputError` where neither it nor `trained` names them."""
    if trained.codec is not None:
        return tuple(column.name for column in trained.codec.columns)
    names = trained.inputs or _own_names(trained.fitted)
    if not names:
        raise InputError(
            "the model takes one matrix, and Trained.inputs does not say of which columns.",
            path="Trained.inputs",
            hint='Name its columns in order, inputs=["age", "hours"], or train it on a data frame.',
        )
    return names


def _own_names(fitted: Any) -> tuple[str, ...]:
    framework = _framework(fitted)
    names = None if framework is None else _exporter(framework).own_names(fitted)
    own_names = () if names is None else tuple(str(name) for name in names)
    numbers = [str(number) for number in range(len(own_names))]
    made_up = list(own_names) in (numbers, [f"Column_{number}" for number in numbers])  # CatBoost's and LightGBM's own
    return () if made_up else own_names


def convert(trained: Trained, rows: pa.Table) -> ConvertedModel:
    """The model as an ONNX file of anybody's, and what its own library answers; `InputError` where it has no exporter.

    `rows` are real: an exporter sees the types of their columns, and one that can do it in several ways tries them.
    """
    found_by_search = getattr(trained.fitted, "best_estimator_", None)
    if found_by_search is not None:
        return convert(dataclasses.replace(trained, fitted=found_by_search), rows)
    if _framework(trained.fitted) is None:
        raise _unsupported(trained.fitted)
    if trained.codec is None:
        return _convert(trained, rows, columns_of(trained))
    codec = trained.codec
    names = tuple(str(number) for number in range(codec.width))

    def encoded(table: pa.Table) -> pa.Table:
        features = codec.encode(table)
        return pa.table({name: pa.array(features[:, place]) for place, name in enumerate(names)})

    converted = _convert(trained, encoded(rows), names)
    answer = converted.answer
    return dataclasses.replace(
        converted,
        model=behind(codec_model(codec), converted.model),
        features=None,
        answer=None if answer is None else lambda table, _: answer(encoded(table), names),
    )


def _convert(trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:
    framework = _framework(trained.fitted)
    assert framework is not None  # noqa: S101  # looked at by `convert`
    return _exporter(framework).convert(trained, rows, inputs)


def _exporter(framework: str) -> Exporter:
    return cast("Exporter", importlib.import_module(f"seatrial.models.frameworks.{framework}.export"))


def _framework(value: object) -> str | None:
    packages = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    # Looked at by name: a framework is imported only for those who use it.
    framework = next((framework for framework in _FRAMEWORKS if framework in packages), None)
    if framework == "torch":
        from seatrial.models.frameworks.torch.export import is_module

        return framework if is_module(value) else None
    return framework


def _unsupported(fitted: object) -> InputError:
    packages = {kind.__module__.partition(".")[0] for kind in type(fitted).__mro__}
    converters = [how for package, how in _CONVERTERS.items() if package in packages]
    way = f"Convert it with {converters[0]}" if converters else "Convert it to ONNX"
    return InputError(
        f"a {type(fitted).__module__}.{type(fitted).__qualname__} cannot be packaged; a PyTorch module, an estimator "
        "of scikit-learn, a model of XGBoost, LightGBM, CatBoost or Keras, and the bytes of an ONNX model can.",
        path=_WHERE,
        hint=f"{way}, and give the model's bytes.",
    )
