"""Contingency cells counted in Spark: one aggregate over the rows, whose result is a small Arrow table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seatrial.errors import InputError
from seatrial.verdicts.contingency import ANSWER, HEAVIEST, LABEL, MOST_CELLS, ROWS, SQUARES, WEIGHTS, group_key
from seatrial.verdicts.error_sums import ABSOLUTE, CLIPPED, POWERS, power_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True, slots=True)
class Key:
    """A column that rows are grouped by; with `edges`, by bins that begin at them, of these names."""

    column: str
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()  # one more than edges, and the last for rows without a number


def count_rows(
    frame: DataFrame, *, label: str, answer: str, keys: Sequence[Key] = (), weight: str | None = None
) -> pa.Table:
    """Rows by keys, label and answer, in one `groupBy`: the table that `verdicts.cells` describes."""
    from pyspark.sql import functions as F  # noqa: N812 as Spark's own documentation names it

    by = [_key(frame, key).alias(group_key(place)) for place, key in enumerate(keys)]
    by += [_column(frame, label).alias(LABEL), _column(frame, answer).alias(ANSWER)]
    sums = [F.count(F.lit(1)).alias(ROWS)]
    if weight is not None:
        weighed = _column(frame, weight).cast("double")
        sums += [
            F.sum(weighed).alias(WEIGHTS),
            F.sum(weighed * weighed).alias(SQUARES),
            F.max(weighed).alias(HEAVIEST),
            F.sum(F.when((weighed > 0) & (weighed < float("inf")), 0).otherwise(1)).alias(_WRONG),
        ]
    counted: pa.Table = frame.groupBy(*by).agg(*sums).limit(MOST_CELLS + 1).toArrow()
    if weight is not None:
        wrong = sum(int(each or 0) for each in counted.column(_WRONG).to_pylist())
        if wrong:
            raise InputError(
                f"{wrong:,} weights are not positive numbers.",
                path=weight,
                hint="A weight is how many people a row stands for; leave out rows that stand for nobody.",
            )
        counted = counted.drop_columns([_WRONG])
    return counted


_WRONG = "wrong weights"


def sum_errors(
    frame: DataFrame, *, label: str, answer: str, keys: Sequence[Key] = (), clip: float | None = None
) -> pa.Table:
    """Sums of powers of the errors by keys, in one `groupBy`: the table that `verdicts.error_sums` describes."""
    from pyspark.sql import functions as F  # noqa: N812

    by = [_key(frame, key).alias(group_key(place)) for place, key in enumerate(keys)]
    error = _column(frame, answer).cast("double") - _column(frame, label).cast("double")
    # A null would be left out of a sum without a word, NaN makes it NaN, which is refused.
    error = F.coalesce(error, F.lit(float("nan")))
    beyond = F.lit(0)
    if clip is not None:
        clipped = F.when(error > clip, clip).when(error < -clip, -clip).otherwise(error)
        limited = F.when(F.isnan(error), error).otherwise(clipped)  # NaN is the largest number to Spark
        beyond = F.when(F.abs(error) > clip, 1).otherwise(0)
        error = limited
    sums = [F.count(F.lit(1)).alias(ROWS), F.sum(beyond).alias(CLIPPED)]
    for name, power in POWERS:
        factor = F.abs(error) if name == ABSOLUTE else error
        product = factor
        for _ in range(power - 1):
            product = product * factor
        sums.append(F.sum(product).alias(power_column(name, power)))
    summed: pa.Table = frame.groupBy(*by).agg(*sums).limit(MOST_CELLS + 1).toArrow()
    return summed


def whole_numbers(frame: DataFrame) -> Mapping[str, bool]:
    """The columns of numbers, and which of them are whole ones."""
    from pyspark.sql.types import IntegralType, NumericType

    return {
        field.name: isinstance(field.dataType, IntegralType)
        for field in frame.schema.fields
        if isinstance(field.dataType, NumericType)
    }


def _key(frame: DataFrame, key: Key) -> Column:
    from pyspark.sql import functions as F  # noqa: N812

    values = _column(frame, key.column)
    if not key.edges:
        return values
    number = values.cast("double")
    binned: Any = F.when(number.isNull() | F.isnan(number), key.names[-1])
    for edge, name in zip(key.edges, key.names, strict=False):
        binned = binned.when(number < edge, name)
    return binned.otherwise(key.names[len(key.edges)])


def _column(frame: DataFrame, name: str) -> Column:
    """The column of exactly this name, dots and all."""
    return frame["`" + name.replace("`", "``") + "`"]
