"""A model that was told what to answer, and the subject that it makes with what is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.assessors.assessor import Subject
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A `Predictor` that was told what to answer."""

    signature: Signature
    labels: NDArray[np.object_] | Floats
    probabilities: Floats | None
    interval: Floats | None = None

    def predict(self, rows: pa.Table) -> Predictions:
        """The answers of the rows whose places are in the column "place"."""
        places = rows.column("place").to_numpy()
        chances = None if self.probabilities is None else self.probabilities[places]
        return Predictions(self.labels[places], chances, None if self.interval is None else self.interval[places])


def scored(
    chance: Floats, yes: NDArray[np.bool_], *, labels: Sequence[str] | None = None, **columns: object
) -> Subject:
    """A binary model by its probability of "yes", which answers from one half on; `labels` where it answers others."""
    signature = Signature((Column("place", "number"),), "binary", ("no", "yes"), "yes", 0.5)
    answered = np.where(chance >= 0.5, "yes", "no") if labels is None else np.asarray(labels)
    model = Answers(signature, answered.astype(object), np.column_stack([1 - chance, chance]))
    return _subject(model, pa.array(np.where(yes, "yes", "no")), columns, positive="yes")


def classified(chances: Floats, actual: NDArray[np.int64], classes: tuple[str, ...]) -> Subject:
    """A model of several classes, float64[n, k]; it answers the likeliest."""
    signature = Signature((Column("place", "number"),), "multiclass", classes)
    names = np.array(classes, object)
    return _subject(Answers(signature, names[chances.argmax(axis=1)], chances), pa.array(names[actual]), {})


def valued(values: Floats, actual: Floats, *, interval: Floats | None = None, **columns: object) -> Subject:
    """A regression, with lower and upper ends where it has them."""
    signature = Signature((Column("place", "number"),), "regression", interval=interval is not None)
    return _subject(Answers(signature, values, None, interval), pa.array(actual), columns)


def _subject(
    model: Answers, label: pa.Array[pa.Scalar[pa.DataType]], columns: Mapping[str, object], positive: str | None = None
) -> Subject:
    task = model.signature.task
    others = {name: pa.array(np.asarray(values)) for name, values in columns.items()}
    table = pa.table({"place": pa.array(np.arange(len(label))), "y": label, **others})
    groups = tuple(name for name in columns if name != "weight")
    weight = "weight" if "weight" in columns else None
    return Subject(model, {"test": table}, "y", task, positive, groups=groups, weight=weight)
