"""Why a package answers otherwise than the model it was made of: the usual causes, tried on the rows that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.models.columns import number_column
from seatrial.models.signature import Signature

# rows, and the numbers among all rows that these are → which of them differ
Differ = Callable[[pa.Table, NDArray[np.intp]], NDArray[np.bool_]]

_PROBED = 64  # rows: each cause that asks the package again asks for these, twice a column
_SHOWN = 5
_MOST = 0.5  # of the rows; a cause that explains fewer is not told
_FEW_VALUES = 100  # a column of integers with more different values is no code of a category
_SWAPPED = 0.99  # of the rows


@dataclass(frozen=True, slots=True)
class Cause:
    """What may be behind the differences, and what to do about it."""

    problem: str
    hint: str
    columns: tuple[str, ...] = ()


NAN_ANSWERS = Cause(
    "answers are NaN, which comes from the weights or from features without a value",
    "train with a smaller step, or fill what is missing before the model.",
)
OTHER_BEHAVIOUR = Cause(
    "a part of the model behaves otherwise when exported (randomness, a branch on data, a state)",
    "make its answer a pure function of the features.",
)


def likely_causes(
    rows: pa.Table, signature: Signature, bad: NDArray[np.bool_], gaps: NDArray[np.float64], differ: Differ
) -> tuple[Cause, ...]:
    """The causes that explain most of the `bad` rows; one that says "something else" where none does."""
    if np.isinf(gaps[bad]).all():
        return (NAN_ANSWERS,)
    # A column's hole is one of its categories too: the plainer cause is told alone.
    causes = tuple(_missing(rows, signature, bad)) or tuple(_categories(rows, signature, bad))
    return causes or tuple(_float32(rows, signature, bad, differ)) or (OTHER_BEHAVIOUR,)


def swapped_classes(original: NDArray[np.float64], packaged: NDArray[np.float64], tolerance: float) -> Cause | None:
    """Whether two classes' probabilities are there in the other order."""
    if original.shape[1] != 2 or (np.abs(original - packaged[:, ::-1]).max(axis=1) <= tolerance).mean() < _SWAPPED:
        return None
    return Cause("the two classes are in the other order", "name the classes in the order of the model's own.")


def _missing(rows: pa.Table, signature: Signature, bad: NDArray[np.bool_]) -> Iterator[Cause]:
    for column in signature.inputs:
        gone = _gone(rows.column(column.name))
        if gone[bad].all() and not gone.all() and gone[~bad].mean() < _MOST:
            text = 'a missing text enters a package as "": train on "" where it is missing.'
            number = "the export sends missing values another way than the model: fill them in front of the model."
            yield Cause(
                f'every row that differs misses "{column.name}"',
                text if column.kind == "text" else number,
                (column.name,),
            )


def _gone(values: pa.ChunkedArray[pa.Scalar[pa.DataType]]) -> NDArray[np.bool_]:
    gone = pc.is_null(values, nan_is_null=True) if pa.types.is_floating(values.type) else pc.is_null(values)
    mask: NDArray[np.bool_] = gone.to_numpy()
    return mask


def _categories(rows: pa.Table, signature: Signature, bad: NDArray[np.bool_]) -> Iterator[Cause]:
    for column in signature.inputs:
        values = rows.column(column.name)
        if column.kind != "text" and not pa.types.is_integer(values.type) and not pa.types.is_dictionary(values.type):
            continue
        texts = np.array(values.cast(pa.string()).fill_null(pa.scalar("")).to_pylist(), object)
        different = set(texts.tolist())
        among_bad = set(texts[bad].tolist())
        if len(different) > _FEW_VALUES and column.kind != "text":
            continue
        touched = np.isin(texts, sorted(among_bad))
        if among_bad == different or bad[touched].mean() < _MOST:
            continue
        shown = ", ".join(repr(value) for value in sorted(among_bad)[:_SHOWN])
        yield Cause(
            f'the rows that differ are those with {shown}{" …" if len(among_bad) > _SHOWN else ""} in "{column.name}"',
            "a category is unknown to one of the two, or has another code there: train on all categories, or give "
            "unknown ones a category of their own.",
            (column.name,),
        )


def _float32(rows: pa.Table, signature: Signature, bad: NDArray[np.bool_], differ: Differ) -> Iterator[Cause]:
    """Asks for neighbours: where a step of one float32 brings the original's answer, a threshold lies between."""
    places = np.flatnonzero(bad)[:_PROBED]
    probed = rows.take(places)
    explained = np.zeros(len(places), bool)
    columns = []
    for column in signature.inputs:
        if column.kind != "number":
            continue
        values = number_column(probed, column.name).astype(np.float32)
        for way in (-np.inf, np.inf):
            stepped = pa.array(np.nextafter(values, np.float32(way)).astype(np.float64))
            position = probed.column_names.index(column.name)
            agrees = ~differ(probed.set_column(position, column.name, stepped), places)
            if agrees.any() and column.name not in columns:
                columns.append(column.name)
            explained |= agrees
    if explained.mean() >= _MOST:
        names = ", ".join(f'"{name}"' for name in columns[:_SHOWN])
        yield Cause(
            f"values of {names} lie between a threshold and its float32 neighbour, and the export keeps float32",
            "cast the features to float32 before training: X.astype('float32').",
            tuple(columns),
        )
