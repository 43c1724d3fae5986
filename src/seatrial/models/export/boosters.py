"""XGBoost's and LightGBM's models in memory: written as their own files, and read as those are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from seatrial.errors import InputError
from seatrial.models.export.names import class_names
from seatrial.models.finished import lightgbm as lightgbm_file
from seatrial.models.finished import xgboost as xgboost_file
from seatrial.models.finished.converted import Converted

_WHERE = "Trained.fitted"


def convert_xgboost(fitted: Any) -> Converted:  # a Booster, or scikit-learn's interface: of a library without types
    """A `Booster`, or what scikit-learn's interface fitted."""
    booster = fitted.get_booster() if hasattr(fitted, "get_booster") else fitted
    missing = getattr(fitted, "missing", None)
    if missing is not None and not math.isnan(missing):
        raise InputError(
            f"it was trained with missing={missing:g}, which XGBoost does not keep in the model.",
            path=_WHERE,
            hint="Make these values null (NaN) in the data, and train with missing=nan.",
        )
    data = bytes(booster.save_raw("ubj"))
    if hasattr(fitted, "get_booster") and b"scikit_learn" not in data and booster.attr("best_iteration") is not None:
        # The interface answers with its best rounds; the booster alone, as it is in the file, with all.
        data = bytes(booster[: int(booster.attr("best_iteration")) + 1].save_raw("ubj"))
    return _named(xgboost_file.read(data, path=_WHERE), fitted)


def convert_lightgbm(fitted: Any) -> Converted:
    """A `Booster`, or what scikit-learn's interface fitted."""
    booster = getattr(fitted, "booster_", fitted)
    return _named(lightgbm_file.read(booster.model_to_string().encode(), path=_WHERE), fitted)


def _named(found: Converted, fitted: Any) -> Converted:
    classes = getattr(fitted, "classes_", None)
    return found if classes is None or found.task == "regression" else replace(found, classes=class_names(classes))
