"""LightGBM's models in memory: written as LightGBM's own text, and read as such a file is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.lightgbm import reader
from seatrial.models.frameworks.class_names import with_own_classes
from seatrial.models.trained import Trained

_WHERE = "Trained.fitted"


def own_names(fitted: Any) -> Iterable[object] | None:
    """The names of its features."""
    return getattr(fitted, "booster_", fitted).feature_name()  # type: ignore[no-any-return]


def convert(trained: Trained, rows: pa.Table, inputs: tuple[str, ...]) -> ConvertedModel:  # noqa: ARG001  # an `Exporter`'s
    """The model for the columns `inputs`."""
    return replace(convert_lightgbm(trained.fitted), features=inputs)


def convert_lightgbm(fitted: Any) -> ConvertedModel:  # of a library without types
    """A `Booster`, or what scikit-learn's interface fitted."""
    booster = getattr(fitted, "booster_", fitted)
    return with_own_classes(reader.read(booster.model_to_string().encode(), path=_WHERE), fitted)
