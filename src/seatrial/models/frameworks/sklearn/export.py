"""scikit-learn's estimators and pipelines, by skl2onnx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.agreement import TOLERANCE
from seatrial.models.columns import holds_texts, number_column, texts_expected
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.optional_libraries import require
from seatrial.models.frameworks.class_names import class_names
from seatrial.models.frameworks.lightgbm.export import convert_lightgbm
from seatrial.models.frameworks.probability_nodes import behind, only_output
from seatrial.models.frameworks.silence import silence
from seatrial.models.frameworks.sklearn.hist_gradient_boosting import convert_hist_gradient_boosting
from seatrial.models.frameworks.sklearn.imputers import plain_imputers
from seatrial.models.frameworks.sklearn.input_names import with_own_names
from seatrial.models.frameworks.sklearn.text_columns import text_columns
from seatrial.models.frameworks.xgboost.export import convert_xgboost
from seatrial.models.graph import OPSET
from seatrial.models.safety import first_line
from seatrial.models.sessions import open_session
from seatrial.models.trained import Trained

_WHERE = "Trained.fitted"
_ML_OPSET = 3  # what skl2onnx 1.20 writes
_TRIED_ROWS = 512  # on which the kinds of numbers are compared


def own_names(fitted: Any) -> Iterable[object] | None:
    """The columns of the frame that it was fitted on; None where that was a matrix."""
    return getattr(fitted, "feature_names_in_", None)


def convert(trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:
    """The model for the columns `inputs`."""
    return convert_sklearn(trained.fitted, rows, inputs)


def convert_sklearn(
    fitted: Any, rows: pa.Table, inputs: tuple[str, ...]
) -> ConvertedModel:  # of a library without types
    """The estimator for the columns it was fitted on, or for a matrix of `inputs`.

    Numbers enter as float64 where the export can, else as float32: the first that answers as the estimator does for
    `rows`, or else the nearest.
    """
    require("skl2onnx", _WHERE)
    _check_fitted(fitted)
    names = tuple(str(name) for name in getattr(fitted, "feature_names_in_", ())) or inputs
    if not names:
        raise InputError(
            f"the {type(fitted).__name__} was fitted on a matrix without names.",
            path="Trained.inputs",
            hint='Name its columns in order, inputs=["age", "hours"], or fit it on a data frame.',
        )
    _check_texts(fitted, rows, names)
    trees = convert_hist_gradient_boosting(fitted)
    model = _exported(fitted, rows.slice(0, _TRIED_ROWS), names) if trees is None else trees.model
    classes = getattr(fitted, "classes_", None)
    return ConvertedModel(
        model,
        "regression" if classes is None else "binary" if len(classes) == 2 else "multiclass",
        features=names,
        classes=None if classes is None else class_names(classes),
        answer=lambda table, columns: _ask(fitted, table, columns),
        library="scikit-learn",
    )


def _exported(fitted: Any, rows: pa.Table, names: tuple[str, ...]) -> onnx.ModelProto:
    """skl2onnx's export that answers as the estimator does for `rows`, or else the nearest."""
    expected = _ask(fitted, rows, names)
    last = _last_trees(fitted, rows, names)
    best: tuple[float, onnx.ModelProto] | None = None
    problems: list[str] = []
    for exported in _attempts(fitted if last is None else fitted[:-1], rows, names, problems):
        model = only_output(exported, _output(fitted, exported)) if last is None else behind(exported, last.model)
        gap = _gap(model, rows, names, expected, problems)
        if gap is not None and (best is None or gap < best[0]):
            best = gap, model
        if gap is not None and gap <= TOLERANCE:
            break
    if best is None:
        raise _not_exported(fitted, problems)
    return best[1]


def _check_texts(fitted: Any, rows: pa.Table, names: tuple[str, ...]) -> None:
    lacking = [
        name
        for name in text_columns(fitted, names)
        if name in rows.column_names and not holds_texts(rows.schema.field(name).type)
    ]
    if lacking:
        raise texts_expected(lacking, rows.schema, path=_WHERE)


def _check_fitted(fitted: Any) -> None:
    from sklearn.base import is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    name = type(fitted).__name__
    try:
        check_is_fitted(fitted)
    except NotFittedError:
        raise InputError(f"this {name} is not fitted.", path=_WHERE, hint="Call its fit first.") from None
    except TypeError:
        raise InputError(
            f"the model must be a fitted estimator, got {name}.", path=_WHERE, hint="Give what was fitted."
        ) from None
    if not is_classifier(fitted) and not is_regressor(fitted):
        raise InputError(
            f"the model must be a classifier or a regressor, got {name}.",
            path=_WHERE,
            hint="Give the whole pipeline, its last step the model that is to be judged.",
        )


def _ask(fitted: Any, rows: pa.Table, names: tuple[str, ...]) -> NDArray[Any]:
    """What the estimator answers: probabilities, labels where it has none, or values."""
    with silence():
        method = fitted.predict_proba if _has_probabilities(fitted) else fitted.predict
        try:
            answered = np.asarray(method(_features(fitted, rows, names)))
        except Exception as error:  # noqa: BLE001  # an estimator may raise anything, all of it about these rows
            raise _not_answered(fitted, rows, names, error) from None
    if answered.ndim > 1 and not _has_probabilities(fitted) and answered.shape[1] > 1:
        raise InputError(
            f"the {type(fitted).__name__} answers with {answered.shape[1]} values a row.",
            path=_WHERE,
            hint="Fit one model a target.",
        )
    if answered.dtype.kind == "f":
        return answered.astype(np.float64)
    return answered if not hasattr(fitted, "classes_") else np.array(class_names(answered), object)


def _not_answered(fitted: Any, rows: pa.Table, names: tuple[str, ...], error: Exception) -> InputError:
    """What is missing in the rows, if anything is: most estimators take no NaN; else the estimator's own words."""
    for name in names:
        gone = pc.is_null(rows.column(name), nan_is_null=pa.types.is_floating(rows.column(name).type)).to_numpy()
        if gone.any():
            return InputError(
                f'"{name}" has no value in row {int(gone.argmax())} (from 0), and this {type(fitted).__name__} takes '
                "no missing values.",
                path=_WHERE,
                hint="Fill it as in training, or put an imputer in front: make_pipeline(SimpleImputer(), …).",
            )
    return InputError(
        f"the {type(fitted).__name__} does not answer for the rows: {first_line(error)}",
        path=_WHERE,
        hint="Ask it for the same rows yourself: their columns, order and types are to be those of training.",
    )


def _features(fitted: Any, rows: pa.Table, names: tuple[str, ...]) -> Any:  # what it was fitted on the like of
    return _frame(rows, names) if hasattr(fitted, "feature_names_in_") else _matrix(rows, names)


def _has_probabilities(fitted: Any) -> bool:
    return hasattr(fitted, "classes_") and hasattr(fitted, "predict_proba")


def _matrix(rows: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.column_stack([number_column(rows, name) for name in names])


def _frame(rows: pa.Table, names: tuple[str, ...]) -> Any:  # pandas' or Polars' frame
    chosen = rows.select(list(names))
    try:
        return chosen.to_pandas()
    except ImportError:
        import polars  # an estimator that knows names was fitted on one of the two

        return polars.from_arrow(chosen)


def _attempts(fitted: Any, rows: pa.Table, names: tuple[str, ...], problems: list[str]) -> Iterator[onnx.ModelProto]:
    import skl2onnx
    from skl2onnx.common import data_types

    # Not ZipMap: a list of dictionaries is slow, and no tensor.
    options = {id(fitted): {"zipmap": False}} if _has_probabilities(fitted) else None
    texts = any(holds_texts(rows.schema.field(name).type) for name in names)
    by_column = texts or _takes_columns(fitted)
    for kind in (data_types.DoubleTensorType, data_types.FloatTensorType):
        for whole in (kind, data_types.Int64TensorType) if by_column and _has_integers(rows, names) else (kind,):
            types = (
                [(name, _type(rows.schema.field(name).type, kind, whole, data_types)) for name in names]
                if by_column
                else [("features", kind([None, len(names)]))]
            )
            try:
                with silence():
                    model = skl2onnx.to_onnx(
                        fitted,
                        initial_types=types,
                        options=options,
                        target_opset={"": OPSET, "ai.onnx.ml": _ML_OPSET},
                    )
            except Exception as error:  # noqa: BLE001  # skl2onnx has errors of many kinds, all about this estimator
                problems.append(first_line(error))
                continue
            if by_column:
                model = with_own_names(model, names)
            yield plain_imputers(model) if kind is data_types.DoubleTensorType else model


def _last_trees(fitted: Any, rows: pa.Table, names: tuple[str, ...]) -> ConvertedModel | None:
    """The trees that a pipeline ends in, where skl2onnx does not know or rounds them; None for anything else."""
    from sklearn.pipeline import Pipeline

    if not isinstance(fitted, Pipeline) or len(fitted.steps) == 1:
        return None
    kind = type(fitted.steps[-1][1]).__module__.partition(".")[0]
    if kind not in ("xgboost", "lightgbm"):
        return convert_hist_gradient_boosting(fitted.steps[-1][1])
    features = fitted[:-1].transform(_features(fitted, rows.slice(0, 1), names))
    if kind == "xgboost" and not hasattr(features, "columns") and not isinstance(features, np.ndarray):
        raise InputError(
            "the model's features reach XGBoost as a sparse matrix, whose zeros XGBoost takes for missing values.",
            path=_WHERE,
            hint="Make them dense before training: OneHotEncoder(sparse_output=False), or "
            "ColumnTransformer(…, sparse_threshold=0).",
        )
    last = fitted.steps[-1][1]
    converted = convert_xgboost(last) if kind == "xgboost" else convert_lightgbm(last)
    if len(converted.model.graph.input) != 1:
        raise InputError(
            "the model's booster takes texts as categories, behind steps that export numbers.",
            path=_WHERE,
            hint="Encode them in the pipeline, or train the booster on the data frame itself.",
        )
    return converted


def _takes_columns(fitted: Any) -> bool:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    first = fitted.steps[0][1] if isinstance(fitted, Pipeline) else fitted
    return isinstance(first, ColumnTransformer) or (isinstance(first, Pipeline) and _takes_columns(first))


def _has_integers(rows: pa.Table, names: tuple[str, ...]) -> bool:
    return any(pa.types.is_integer(rows.schema.field(name).type) for name in names)


def _type(column_type: pa.DataType, kind: Any, whole: Any, data_types: Any) -> Any:
    if holds_texts(column_type):
        return data_types.StringTensorType([None, 1])
    return (whole if pa.types.is_integer(column_type) else kind)([None, 1])


def _output(fitted: Any, model: onnx.ModelProto) -> str:
    names: list[str] = [value.name for value in model.graph.output]
    return names[1] if _has_probabilities(fitted) else names[0]


def _gap(
    model: onnx.ModelProto, rows: pa.Table, names: tuple[str, ...], expected: NDArray[Any], problems: list[str]
) -> float | None:
    """How far the bare export is from the estimator; None where onnxruntime cannot run it."""
    from seatrial.models.finished.onnx.inputs import bind

    try:
        session = open_session(model.SerializeToString(), path=_WHERE)
        binding = bind(model.graph, schema=rows.schema, label=None, inputs=None, features=names, path=_WHERE)
        actual = np.asarray(session.run(None, binding.feed(rows))[0])
    except Exception as error:  # noqa: BLE001  # onnxruntime has no common class for its errors
        problems.append(first_line(error))
        return None
    if expected.dtype.kind != "f":
        return float(np.mean(np.array(class_names(actual.reshape(-1)), object) != expected))
    scale = np.maximum(1.0, np.abs(expected))
    gap = float(np.max(np.abs(actual.reshape(expected.shape) - expected) / scale))
    return gap if np.isfinite(gap) else float(np.finfo(np.float64).max)


def _not_exported(fitted: Any, problems: list[str]) -> InputError:
    return InputError(
        f"skl2onnx could not export this {type(fitted).__name__}: {problems[0] if problems else 'it gave nothing'}",
        path=_WHERE,
        hint="Its list of supported models: https://onnx.ai/sklearn-onnx/supported.html. Fit one of them, or move the "
        "step that it names out of the model, in front of the data.",
    )
