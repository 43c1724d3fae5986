"""Small boosted models as their libraries fit them, and rows that lie where trees go wrong."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.models.finished import FinishedModel, ModelOptions, open_finished

NUMBERS = ("a", "b", "z")
COUNT = 600


@functools.cache
def frame() -> pd.DataFrame:
    """Numbers with holes and zeros, texts and integers as categories, and codes of categories."""
    random = np.random.default_rng(7)
    columns = pd.DataFrame(
        {
            "a": random.normal(size=COUNT),
            "b": random.normal(size=COUNT) * 100,
            "z": np.where(random.random(COUNT) < 0.5, 0.0, random.normal(size=COUNT)),
            "text": pd.Categorical(random.choice([f"v{number}" for number in range(12)], COUNT)),
            "whole": pd.Categorical(random.integers(5, 9, COUNT)),
        }
    )
    columns.loc[::17, "a"] = np.nan
    columns.loc[::19, "text"] = None
    return columns


def signal() -> NDArray[np.float64]:
    """What the labels hang on."""
    columns = frame()
    noise = np.random.default_rng(8).normal(size=COUNT) * 0.3
    found = columns.a.fillna(0) + (columns.text == "v3") + (columns.whole == 6) + columns.z + noise
    return np.asarray(found, np.float64)


def label(task: str) -> NDArray[Any]:
    """A label of the task, in numbers."""
    if task == "regression":
        return np.asarray(np.exp(signal().clip(-2, 2)))
    return np.digitize(signal(), [0.0, 0.7]) if task == "multiclass" else (signal() > 0.5).astype(int)


def table(columns: pd.DataFrame) -> pa.Table:
    """The rows as a user's file has them: texts, numbers, and null for what is missing."""
    plain = {
        str(name): columns[name].astype(object).where(columns[name].notna(), None)
        if name == "text"
        else pd.to_numeric(columns[name])
        for name in columns
    }
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in plain.items()})


def opened(folder: Path, name: str, content: bytes, rows: pa.Table, **options: Any) -> FinishedModel:
    """The model in a file of this name, opened for these rows."""
    path = folder / name
    path.write_bytes(content)
    return open_finished(path, schema=rows.schema, label=None, labels=None, options=ModelOptions(**options), rows=rows)


def answers(found: FinishedModel, rows: pa.Table) -> NDArray[np.float64]:
    """Probabilities, or values."""
    given = found.predictor.predict(rows)
    return np.asarray(given.labels if given.probabilities is None else given.probabilities, np.float64)


def own_answers(fitted: Any, rows: Any) -> NDArray[np.float64]:
    """What the library's own interface answers."""
    return np.asarray((fitted.predict_proba if hasattr(fitted, "predict_proba") else fitted.predict)(rows), np.float64)
