"""Classes as the texts that they are everywhere in Seatrial."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def class_names(classes: Iterable[Any]) -> tuple[str, ...]:
    """Each class as text: whole numbers and booleans as integers."""
    return tuple(_name(value) for value in classes)


def _name(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return str(int(number)) if number.is_integer() else str(number)
