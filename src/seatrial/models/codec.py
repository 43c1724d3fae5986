"""From raw named columns to one float32 matrix: fitted once, the same arithmetic in Spark, NumPy and ONNX."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.errors import Corrupt, InputError
from seatrial.models.columns import number_column, text_column
from seatrial.models.signature import Column
from seatrial.stores import documents

# No honest value lies this many scales from its mean; an infinity does, and float32 must stay finite behind it.
CLIP = 100.0


@dataclass(frozen=True, slots=True)
class Number:
    """A column that becomes one feature, (value − mean) / scale, null and NaN being the mean, clipped at ±`CLIP`."""

    name: str
    mean: float
    scale: float  # positive


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A column that becomes one feature a value, and a last one for every value that is not listed.

    Null is the empty text: a value like any other, known if it is listed.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codec:
    """What turns raw columns into features: numbers first, then vocabularies, each in the order given.

    >>> codec = Codec.from_statistics(numbers={"age": (38.0, 13.0)}, vocabularies={"sex": ["Female", "Male"]})
    >>> codec.encode(pa.table({"age": [51, None], "sex": ["Male", "?"]})).tolist()
    [[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """

    numbers: tuple[Number, ...]
    vocabularies: tuple[Vocabulary, ...]
    clip: float = CLIP

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not names:
            raise InputError("a codec needs at least one column.", path="codec", hint="Name a number or a vocabulary.")
        for name in names:
            if names.count(name) > 1:
                raise InputError("the column is in the codec twice.", path=f"codec.{name}", hint="Keep one of them.")
        for number in self.numbers:
            if not (math.isfinite(number.mean) and math.isfinite(number.scale) and number.scale > 0):
                raise InputError(
                    f"mean {number.mean:g} and scale {number.scale:g} standardise nothing.",
                    path=f"codec.{number.name}",
                    hint="Both must be finite, and the scale positive: leave infinities and NaN out when fitting.",
                )
        for vocabulary in self.vocabularies:
            if not vocabulary.values or len(set(vocabulary.values)) != len(vocabulary.values):
                raise InputError(
                    "a vocabulary needs at least one value, and each value once.", path=f"codec.{vocabulary.name}"
                )
        if not (math.isfinite(self.clip) and self.clip > 0):
            raise InputError(f"the clip must be finite and positive, not {self.clip:g}.", path="codec.clip")

    @classmethod
    def from_statistics(
        cls,
        *,
        numbers: Mapping[str, tuple[float | None, float | None]],
        vocabularies: Mapping[str, Sequence[str | None]],
    ) -> Codec:
        """The codec of aggregates: mean and standard deviation a number, the distinct values a vocabulary.

        A column without spread (standard deviation 0, null or NaN: one row, one value, or none) keeps the scale 1, and
        one without values the mean 0. Values of a vocabulary are sorted by code point and null is "", so that the
        same data gives the same codec whatever the order of the partitions.
        """
        return cls(
            tuple(Number(name, _or(mean, 0.0), _or(std, 1.0) or 1.0) for name, (mean, std) in numbers.items()),
            tuple(
                Vocabulary(name, tuple(sorted({"" if value is None else value for value in values})) or ("",))
                for name, values in vocabularies.items()
            ),
        )

    @classmethod
    def from_document(cls, data: bytes, *, path: str = "codec.json") -> Codec:
        """The codec that `to_document` wrote; anything else is `Corrupt`."""
        try:
            return documents.from_json(cls, data, path=path)
        except InputError as error:
            raise Corrupt(f"the file is not a codec: {error.path}: {error.problem}", path=path) from None

    def to_document(self) -> bytes:
        """The codec as canonical JSON: `codec.json` of a model package."""
        return documents.to_json(self)

    @property
    def digest(self) -> str:
        """The sha256 of the document."""
        return documents.sha256(self.to_document())

    @property
    def columns(self) -> tuple[Column, ...]:
        """The raw columns it takes, in the order of their features."""
        return (
            *(Column(number.name, "number") for number in self.numbers),
            *(Column(vocabulary.name, "text") for vocabulary in self.vocabularies),
        )

    @property
    def width(self) -> int:
        """How many features a row becomes."""
        return len(self.numbers) + sum(len(vocabulary.values) + 1 for vocabulary in self.vocabularies)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name a feature: `age`, `sex=Male`, and `sex is unknown` for the last slot of a vocabulary."""
        names = [number.name for number in self.numbers]
        for vocabulary in self.vocabularies:
            names += [f"{vocabulary.name}={value}" for value in vocabulary.values]
            names.append(f"{vocabulary.name} is unknown")
        return tuple(names)

    def encode(self, table: pa.Table) -> NDArray[np.float32]:
        """The features, float32[n, width], of rows that hold at least the codec's columns.

        Arithmetic is float64 with one cast at the end. A missing column, or one of a wrong type, is an `InputError`.
        """
        features = np.zeros((table.num_rows, self.width), np.float32)
        if self.numbers:
            features[:, : len(self.numbers)] = self._standardised(table)
        rows, start = np.arange(table.num_rows), len(self.numbers)
        for vocabulary in self.vocabularies:
            unknown = len(vocabulary.values)
            codes = pc.index_in(text_column(table, vocabulary.name), value_set=pa.array(vocabulary.values, pa.string()))
            features[rows, start + codes.fill_null(unknown).to_numpy()] = 1.0
            start += unknown + 1
        return features

    def _standardised(self, table: pa.Table) -> NDArray[np.float64]:
        # The same operations, in the same order and precision, are the graph's: see graph.py.
        mean = np.array([number.mean for number in self.numbers])
        scale = np.array([number.scale for number in self.numbers])
        values = np.column_stack([number_column(table, number.name) for number in self.numbers])
        with np.errstate(over="ignore"):  # past the largest float64 lies infinity, and behind it the clip
            standardised: NDArray[np.float64] = (np.where(np.isnan(values), mean, values) - mean) / scale
        return np.clip(standardised, -self.clip, self.clip)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None or math.isnan(value) else float(value)
