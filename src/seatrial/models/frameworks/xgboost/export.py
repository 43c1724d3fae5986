"""XGBoost's models in memory: written as XGBoost's own file, and read as such a file is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.xgboost import reader
from seatrial.models.frameworks.class_names import with_own_classes
from seatrial.models.trained import Trained

_WHERE = "Trained.fitted"


def own_names(fitted: Any) -> Iterable[object] | None:
    """The names of its features."""
    return (fitted.get_booster() if hasattr(fitted, "get_booster") else fitted).feature_names  # type: ignore[no-any-return]


def convert(trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:  # noqa: ARG001  # an `Exporter`'s
    """The model for the columns `inputs`."""
    return replace(convert_xgboost(trained.fitted), features=inputs)


def convert_xgboost(
    fitted: Any,
) -> ConvertedModel:  # a Booster, or scikit-learn's interface: of a library without types
    """A `Booster`, or what scikit-learn's interface fitted."""
    booster = fitted.get_booster() if hasattr(fitted, "get_booster") else fitted
    missing = getattr(fitted, "missing", None)
    if missing is not None and not math.isnan(missing):
        raise InputError(
            f"the model was trained with missing={missing:g}, which XGBoost does not keep in the model.",
            path=_WHERE,
            hint="Make these values null (NaN) in the data, and train with missing=nan.",
        )
    data = bytes(booster.save_raw("ubj"))
    if hasattr(fitted, "get_booster") and b"scikit_learn" not in data and booster.attr("best_iteration") is not None:
        # The interface answers with its best rounds; the booster alone, as it is in the file, with all.
        data = bytes(booster[: int(booster.attr("best_iteration")) + 1].save_raw("ubj"))
    return with_own_classes(reader.read(data, path=_WHERE), fitted)
