"""Classes as the texts that they are everywhere in Seatrial."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # it imports this module
    from seatrial.models.finished.converted import ConvertedModel


def class_names(classes: Iterable[Any]) -> tuple[str, ...]:
    """Each class as text, as a table's label is cast: whole numbers without a point, "true" and "false"."""
    return tuple(_name(value) for value in classes)


def with_own_classes(converted: ConvertedModel, fitted: Any) -> ConvertedModel:
    """The converted classifier with the classes that the fitted object knows, if it knows them."""
    classes = getattr(fitted, "classes_", None)
    if classes is None or converted.task == "regression":
        return converted
    return replace(converted, classes=class_names(classes))


def _name(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return str(int(number)) if number.is_integer() else str(number)
