"""Whether all rows that are measured were later than all rows of the training set."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from seatrial.errors import InputError, field
from seatrial.trial.data_checks.value_hashes import is_number, stored_type


class RowTimes:
    """Sees the column of time of both tables; keeps the earliest measured and the latest training one."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._kind: pa.DataType | None = None
        self._missing = False
        self._earliest_measured: Any = None
        self._latest_train: Any = None

    def see(self, table: pa.Table) -> None:
        """Takes the next rows that are measured."""
        earliest = self._range(table)[0]
        if self._earliest_measured is None or (earliest is not None and earliest < self._earliest_measured):
            self._earliest_measured = earliest

    def see_train(self, table: pa.Table) -> None:
        """Takes the next rows of the training set."""
        latest = self._range(table)[1]
        if self._latest_train is None or (latest is not None and latest > self._latest_train):
            self._latest_train = latest

    @property
    def later(self) -> bool:
        """Whether every measured row was later than every training row; False where a time is missing."""
        if self._missing or self._earliest_measured is None or self._latest_train is None:
            return False
        return bool(self._earliest_measured > self._latest_train)

    def _range(self, table: pa.Table) -> tuple[Any, Any]:
        """The least and the largest; numbers are compared with numbers, dates with dates, texts with texts."""
        values = table.column(self.column)
        kind = stored_type(values.type)
        values = values.cast(kind)
        if is_number(kind):
            kind = pa.float64()
            values = values.cast(kind, safe=False)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            kind = pa.string()
            values = values.cast(kind)
        elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            kind = pa.timestamp("us")
            values = values.cast(kind, safe=False)
        else:
            raise _wrong_type(self.column, f"holds {kind}, and times are numbers, dates or texts")
        if self._kind is not None and kind != self._kind:
            raise _wrong_type(self.column, f"holds {kind} in the one table, and {self._kind} in the other")
        self._kind = kind
        self._missing = self._missing or values.null_count > 0
        span: Any = pc.min_max(values)
        return span["min"].as_py(), span["max"].as_py()


def _wrong_type(column: str, problem: str) -> InputError:
    return InputError(
        f'the column of time "{column}" {problem}.',
        path=field("policy"),
        hint="Write it with one type in both tables: a number, a date, or texts like 2024-12-31.",
    )
