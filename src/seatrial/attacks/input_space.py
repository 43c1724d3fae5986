"""Rows of a table as points that can be moved: one number an input, texts as places in a vocabulary, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.attacks.table_threat import Constraint, Moves, TableThreat, parse_constraint
from seatrial.attacks.threats import L0, L2, Linf, Patch, Rows, Threat
from seatrial.errors import InputError
from seatrial.models.columns import number_column, text_column
from seatrial.models.signature import Column
from seatrial.verdicts.policy.threat import Mutable, ThreatModel

# Stands for a missing number: far from all real ones, and equal to itself, as NaN is not.
MISSING = -1.7976931348623157e308
MISSING_TEXT = ""  # as which models are given a null


@dataclass(frozen=True, slots=True)
class InputSpace:
    """The inputs of a model, in their order, and the texts that its text columns may hold."""

    columns: tuple[Column, ...]
    texts: Mapping[str, tuple[str, ...]]

    def points(self, table: pa.Table) -> Rows:
        """float64[n, d]. Every text of the table must be among `texts`."""
        points = np.empty((table.num_rows, len(self.columns)))
        for place, column in enumerate(self.columns):
            if column.kind == "text":
                texts: pa.Array[Any] = pa.array(self.texts[column.name], pa.string())
                points[:, place] = pc.index_in(text_column(table, column.name), value_set=texts).to_numpy()
            else:
                values = number_column(table, column.name)
                points[:, place] = np.where(np.isnan(values), MISSING, values)
        return points

    def with_missing_texts(self) -> InputSpace:
        """The same space, in which every text can be missing too; points stay what they are."""
        texts = {name: tuple(dict.fromkeys((*values, MISSING_TEXT))) for name, values in self.texts.items()}
        return InputSpace(self.columns, texts)

    def table(self, points: Rows) -> pa.Table:
        """The rows that the model takes."""
        arrays: list[pa.Array[Any]] = []
        for place, column in enumerate(self.columns):
            values = points[:, place]
            if column.kind == "text":
                codes: NDArray[np.int32] = values.astype(np.int32)
                arrays.append(pa.DictionaryArray.from_arrays(codes, pa.array(self.texts[column.name], pa.string())))
            else:
                arrays.append(pa.array(np.where(values == MISSING, np.nan, values), from_pandas=True))
        return pa.Table.from_arrays(arrays, names=[column.name for column in self.columns])


def input_space_of(
    columns: Sequence[Column], tables: Sequence[pa.Table], threats: Mapping[str, ThreatModel]
) -> InputSpace:
    """The space that holds the rows of `tables` and whatever the threats may change texts to."""
    texts: dict[str, tuple[str, ...]] = {}
    for column in columns:
        if column.kind != "text":
            continue
        values: dict[str, None] = {}
        for table in tables:
            values |= dict.fromkeys(str(value) for value in pc.unique(text_column(table, column.name)).to_pylist())
        for threat in threats.values():
            if column.name in threat.mutable:
                values |= dict.fromkeys(threat.mutable[column.name].values)
        texts[column.name] = tuple(values)
    return InputSpace(tuple(columns), texts)


def build_threat(space: InputSpace, model: ThreatModel, rows: pa.Table, *, name: str) -> Threat:
    """The threat model as moves in this space; `rows` give the ranges that it leaves open.

    An `InputError` names what does not fit the model's inputs.
    """
    path = f"policy.threat.{name}"
    if model.norm == "table":
        return _table_threat(space, model, rows, path)
    texts = [column.name for column in space.columns if column.kind == "text"]
    if texts:
        raise InputError(
            f'norm "{model.norm}" needs numeric inputs; "{texts[0]}" is text.',
            path=f"{path}.norm",
            hint='Write norm = "table", and say which columns can change.',
        )
    low, high = model.low or 0.0, 1.0 if model.high is None else model.high
    outside = [
        column.name
        for column in space.columns
        if column.name in rows.column_names and _leaves(number_column(rows, column.name), low, high)
    ]
    if outside:
        raise InputError(
            f'low and high must cover the data; "{outside[0]}" has values outside {low:g} to {high:g}.',
            path=f"{path}.low",
            hint="Write the lowest and the highest value that an input can have.",
        )
    if model.shape and math.prod(model.shape) != len(space.columns):
        raise InputError(
            f"shape {' × '.join(map(str, model.shape))} must have as many pixels as the model has inputs: "
            f"{len(space.columns)}, got {math.prod(model.shape)}.",
            path=f"{path}.shape",
            hint="Write the shape of the image that the inputs are, in their order.",
        )
    if model.norm == "l0":
        return L0(int(model.budget), low, high)
    if model.norm == "patch":
        return Patch(int(model.budget), low, high, model.shape)
    return Linf(model.budget, low, high) if model.norm == "linf" else L2(model.budget, low, high)


def _leaves(values: np.ndarray[Any, np.dtype[np.float64]], low: float, high: float) -> bool:
    present = values[~np.isnan(values)]
    return bool(present.size and (present.min() < low or present.max() > high))


def _table_threat(space: InputSpace, model: ThreatModel, rows: pa.Table, path: str) -> TableThreat:
    names = [column.name for column in space.columns]
    unknown = [name for name in model.mutable if name not in names]
    if unknown:
        raise InputError(
            f'mutable names "{unknown[0]}", which is not an input of the model.',
            path=f"{path}.mutable",
            hint=f"Its inputs are {', '.join(names)}.",
        )
    kinds = {column.name: column.kind for column in space.columns}
    for name, change in model.mutable.items():
        if (kinds[name] == "text") != bool(change.values):
            kind, hint = "number", "Write low, high and step."
            if kinds[name] == "text":
                kind, hint = "text", 'Write values = ["…"], the texts that it may become.'
            raise InputError(f'"{name}" is a {kind} column.', path=f"{path}.mutable.{name}", hint=hint)
    limits = [_limits(space, name, model.mutable.get(name), rows) for name in names]
    changes = [model.mutable.get(name) for name in names]
    moves = Moves(
        low=np.array([low for low, _ in limits]),
        high=np.array([high for _, high in limits]),
        step=np.array([0.0 if change is None or change.step is None else change.step for change in changes]),
        up=np.array([change is None or change.direction != "down" for change in changes]),
        down=np.array([change is None or change.direction != "up" for change in changes]),
        cost=np.array([np.inf if change is None else change.cost for change in changes]),
        values=tuple(
            () if change is None else tuple(space.texts[name].index(value) for value in change.values)
            for name, change in zip(names, changes, strict=True)
        ),
    )
    constraints = []
    for text in model.constraints:
        constraint = parse_constraint(text, names)
        if not isinstance(constraint, Constraint):
            raise InputError(f"{constraint}.", path=f"{path}.constraints", hint=f'Got "{text}".')
        constraints.append(constraint)
    return TableThreat(moves, model.budget, tuple(constraints))


def _limits(space: InputSpace, name: str, change: Mutable | None, rows: pa.Table) -> tuple[float, float]:
    """The range of a number: as stated, else that of `rows`."""
    if change is None or name in space.texts:
        return 0.0, 0.0
    values = number_column(rows, name)
    present = values[~np.isnan(values)]
    if (change.low is None or change.high is None) and not present.size:
        raise InputError(
            f'"{name}" has no value in any row, so its range is unknown.', path=name, hint="Write low and high."
        )
    return (
        float(present.min()) if change.low is None else change.low,
        float(present.max()) if change.high is None else change.high,
    )
