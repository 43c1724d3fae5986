"""A fitted model handed over in Python: exported and packaged as a training step's would be, then tried."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seatrial.errors import InputError, StepFailed
from seatrial.models.columns import TextsExpected
from seatrial.models.provenance import Provenance
from seatrial.models.trained import Trained
from seatrial.rows import Rows
from seatrial.trial.label_column import Labels
from seatrial.trial.model import Model
from seatrial.trial.question import Question
from seatrial.trial.validate import check_signature, wanted_positive
from seatrial.tryout.opened_model import first_rows, open_model

_FRAMEWORKS = {"sklearn", "xgboost", "lightgbm", "catboost", "keras", "torch"}  # that export knows
_HALF = 0.5


def is_fitted(model: object) -> bool:
    """Whether it is a model of a framework, and no function: some of them can be called too."""
    if isinstance(model, Trained | bytes):
        return True
    return bool({kind.__module__.partition(".")[0] for kind in type(model).__mro__} & _FRAMEWORKS)


def open_fitted(
    fitted: Any, rows: Rows, *, question: Question, labels: Labels, classes: Sequence[str] | None = None
) -> Model:
    """The model as a package; an error tells that it can be measured as a black box where it cannot be exported."""
    from seatrial.models.package import build_package
    from seatrial.models.runtime import load_predictor

    if isinstance(fitted, bytes):
        return _of_bytes(fitted, rows, question=question, labels=labels)
    trained = fitted if isinstance(fitted, Trained) else _trained(fitted, question, labels, classes)
    provenance = Provenance(None, None, {}, (), None)
    try:
        package = build_package(trained, rows=first_rows(rows), provenance=provenance)
    except TextsExpected:
        raise  # whoever has a file without types reads it anew
    except (InputError, StepFailed) as error:
        way = "Or give a function that asks it (model.predict_proba): it is then measured as a black box."
        raise type(error)(error.problem, path=error.path, hint=f"{error.hint or ''} {way}".strip()) from error
    predictor = load_predictor(package)
    name = type(trained.fitted).__name__
    check_signature(question, labels, predictor.signature, model=name)
    return Model(name, predictor, package)


def _trained(fitted: Any, question: Question, labels: Labels, classes: Sequence[str] | None) -> Trained:
    has_own_classes = hasattr(fitted, "classes_") or not labels.task or labels.task == "regression"
    names = tuple(classes) if classes is not None else () if has_own_classes else labels.classes or ()
    own = names or tuple(str(name) for name in getattr(fitted, "classes_", ()))
    positive = wanted_positive(question, labels)
    return Trained(
        fitted,
        classes=names,
        positive=positive if len(own) == 2 and (positive in own or question.positive is not None) else None,
        threshold=_HALF if question.threshold is None else question.threshold,
        inputs=question.inputs or (),
    )


def _of_bytes(data: bytes, rows: Rows, *, question: Question, labels: Labels) -> Model:
    with tempfile.TemporaryDirectory(prefix="seatrial-") as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(data)
        return open_model(path, rows, question=question, labels=labels)
