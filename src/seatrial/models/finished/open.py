"""A finished model's file becomes a package and a predictor, in memory; what had to be inferred is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from seatrial.models.runtime import OnnxPredictor
from seatrial.models.signature import Task


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user says of the model; None is inferred, and said in the notes."""

    inputs: tuple[str, ...] | None = None  # the columns of a matrix input, in its order
    task: Task | None = None
    classes: tuple[str, ...] | None = None  # in the order of the probabilities
    positive: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The model as every later stage takes it.

    `package`: the files that `load_predictor` takes, the same bytes for the same model, columns and wishes.
    `notes`: one sentence for each thing that was inferred.
    """

    package: Mapping[str, bytes]
    predictor: OnnxPredictor
    notes: tuple[str, ...]


def open_finished(
    path: Path,
    *,
    schema: pa.Schema,
    label: str | None,
    labels: Sequence[str] | None,
    wanted: Wanted,
    rows: pa.Table | None = None,
) -> Finished:
    """The model in `path` as a package for tables of `schema`; an `InputError` says what keeps it from being one.

    `label` is the table's label column, and `labels` its distinct values as text where they look like classes: they
    name classes that the file leaves without names. `rows` are real ones, which the model is asked for before anybody
    relies on it.
    """
    raise NotImplementedError
