"""The stream itself: bounded tables, the same rows in the same order each time, one table read ahead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa

from seatrial.errors import InputError

TABLE_ROWS = 65_536  # of 100 columns of numbers: 50 MiB

# Gives the columns asked for, in tables of any size; called anew for every reading.
Read = Callable[[Sequence[str]], Iterator[pa.Table]]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table somebody points at.

    `origin` is what the user named it; `rows` their number, None where only reading everything would tell.
    `reread` opens the same files with other types, where their format has none of its own.
    """

    origin: str
    schema: pa.Schema
    rows: int | None
    _read: Read = field(repr=False)
    reread: Callable[[Mapping[str, pa.DataType]], Rows] | None = field(default=None, repr=False)

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows as tables of 1 to `TABLE_ROWS` rows, `columns` in the order given (None: all); may be called again.

        The next table is read while the caller works on this one. No rows: no table. A column that is not there is an
        `InputError` at once; one that names a place shows what turns up while reading.
        """
        names = self.schema.names if columns is None else self.check_columns(columns)
        return _ahead(_bounded(self._read(names), names))

    def with_texts(self, columns: Sequence[str]) -> Rows | None:
        """The same rows, in which these columns are the texts that stand in the file; None where the file has types."""
        if self.reread is None:
            return None
        return self.reread(
            {column.name: pa.string() if column.name in columns else column.type for column in self.schema}
        )

    def check_columns(self, columns: Sequence[str]) -> list[str]:
        """The columns as a list; an `InputError` for one that is not there, or asked for twice."""
        for position, name in enumerate(columns):
            if name not in self.schema.names:
                close = difflib.get_close_matches(name, self.schema.names, n=1)
                hint = f"Did you mean {close[0]!r}?" if close else f"It has: {', '.join(self.schema.names)}."
                raise InputError(f"the rows do not have a column {name!r}.", path=self.origin, hint=hint)
            if name in columns[:position]:
                raise InputError(f"column {name!r} is asked for twice.", path=self.origin, hint="Name it once.")
        return list(columns)


def _bounded(tables: Iterator[pa.Table], names: Sequence[str]) -> Iterator[pa.Table]:
    for table in tables:
        if table.column_names != names:
            table = table.select(names)
        for start in range(0, table.num_rows, TABLE_ROWS):
            yield table.slice(start, TABLE_ROWS)


def _ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    # One thread, which ends with the reading: at its end, at an error of either side, or when nobody wants the rest.
    with ThreadPoolExecutor(1, "seatrial-rows") as thread:
        coming = thread.submit(next, tables, None)
        while (table := coming.result()) is not None:
            coming = thread.submit(next, tables, None)
            yield table
