"""Which columns of a frame an estimator learned as texts, where it keeps their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


def text_columns(fitted: Any, names: Sequence[str]) -> list[str]:  # an estimator of a library without types
    """Those of the columns `names` that reach an encoder of texts as they are, in the order of `names`."""
    encoded = set(_encoded_texts(fitted, names))
    return [name for name in names if name in encoded]


def _encoded_texts(part: Any, names: Sequence[str]) -> Iterator[str]:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if isinstance(part, Pipeline):
        yield from _encoded_texts(part.steps[0][1], names)
    elif isinstance(part, ColumnTransformer):
        for _, transformer, columns in part.transformers_:
            if not isinstance(transformer, str):  # "drop", "passthrough"
                yield from _encoded_texts(transformer, _column_names(columns, names))
    else:
        # Of OneHotEncoder, OrdinalEncoder and TargetEncoder: one a column.
        categories = getattr(part, "categories_", ())
        if len(categories) == len(names):
            yield from (name for name, values in zip(names, categories, strict=True) if _are_texts(values))


def _column_names(columns: Any, names: Sequence[str]) -> list[str]:
    """What a ColumnTransformer keeps: one name or number, several, a mask or a slice."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, int | np.integer):
        return [names[int(columns)]]
    if isinstance(columns, slice):
        return list(names[columns])
    listed = list(columns)
    if listed and all(isinstance(column, bool | np.bool_) for column in listed):
        return [name for name, taken in zip(names, listed, strict=True) if taken]
    return [column if isinstance(column, str) else names[column] for column in listed]


def _are_texts(values: Any) -> bool:
    return any(isinstance(value, str) for value in values)
