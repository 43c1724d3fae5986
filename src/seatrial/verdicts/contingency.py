"""Contingency cells: how many rows of each group have which label and got which answer. Every rate comes from them.

They are all that a fairness report needs of a table, however long that is, and whichever engine counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Policies are read, and cached runs end, without numpy: it is imported where something is computed.
Codes: TypeAlias = "NDArray[np.int64]"
Sums: TypeAlias = "NDArray[np.int64] | NDArray[np.float64]"


CROSS = " × "  # between the values of an intersection: "Female × Black"

# A table of counted rows, from whichever engine: a column for each part of the groups, as values of any type, then …
LABEL, ANSWER, ROWS = "label", "answer", "rows"
WEIGHTS, SQUARES, HEAVIEST = "weights", "squares", "heaviest"  # … where rows are weighed: Σ w, Σ w² and the largest w
MOST_CELLS = 1_000_000  # of more, some column is an identifier; so many take a hundred megabytes


def group_key(place: int) -> str:
    """The name, in a table of counted rows, of the column that holds the groups of the part at `place`."""
    return f"group {place}"


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """Rows of each group: with that label, with that answer, with both. Each [groups, classes].

    int64 where rows are counted, float64 where their weights, or the squares of these, are summed.
    """

    names: tuple[str, ...]
    actual: Sums
    answered: Sums
    right: Sums

    @property
    def rows(self) -> Sums:
        """All rows of each group: [groups]."""
        rows: Sums = self.actual.sum(axis=1)
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionTable:
    """The rows of one group by label and answer; a cell may occur several times, so that each row can be one.

    `actual`, `answered` int64[cells] are places among `classes` classes. `counts`, `weights` and `squares`
    float64[cells] are the rows, Σ w and Σ w² of each cell, all the same where each row counts once.
    """

    classes: int
    actual: Codes
    answered: Codes
    counts: NDArray[np.float64]
    weights: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def rows(self) -> int:
        """All rows."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True, eq=False)
class WeightSums:
    """What bounds on weighted rates need of each cell's weights: Σ w and Σ w², float64[cells]; and the largest w."""

    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    heaviest: float


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows by group columns, label and answer; only cells that have rows, in the order of their codes.

    `values` are the groups of each column, in order; `codes` int64[cells, columns] says which each cell has; `actual`,
    `answered` int64[cells] are places in `classes`; `rows` int64[cells].
    """

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...]
    codes: Codes
    actual: Codes
    answered: Codes
    rows: Codes
    weighing: WeightSums | None = field(default=None)

    @property
    def total(self) -> int:
        """All rows."""
        return int(self.rows.sum())

    def by(self, *columns: str) -> Margins:
        """Rows of each combination of values of these columns that occurs; without columns, of all rows."""
        return self._margins(columns, self.rows)

    def weighted_by(self, *columns: str) -> tuple[Margins, Margins]:
        """The same of Σ w and of Σ w². Raises `ValueError` where nothing was weighed."""
        if self.weighing is None:
            raise ValueError("these cells hold counts of rows, and no weights")
        return self._margins(columns, self.weighing.sums), self._margins(columns, self.weighing.squares)

    def tables(self, *columns: str) -> tuple[ConfusionTable, ...]:
        """Labels by answers of each combination of values of these columns that occurs; without columns, of all."""
        import numpy as np

        names, groups = combined(self.columns, self.values, self.codes, columns)
        counts = self.rows.astype(np.float64)
        weights, squares = (counts, counts) if self.weighing is None else (self.weighing.sums, self.weighing.squares)
        return tuple(
            ConfusionTable(
                len(self.classes), self.actual[here], self.answered[here], counts[here], weights[here], squares[here]
            )
            for here in (groups == group for group in range(len(names)))
        )

    def _margins(self, columns: tuple[str, ...], summed: Sums) -> Margins:
        names, groups = combined(self.columns, self.values, self.codes, columns)
        shape = (len(names), len(self.classes))

        def margin(codes: Codes, selected: NDArray[np.bool_] | slice = slice(None)) -> Sums:
            import numpy as np

            places = (groups * shape[1] + codes)[selected]
            sums = np.bincount(places, weights=summed[selected], minlength=shape[0] * shape[1]).reshape(shape)
            # bincount sums in float64, exactly up to 2⁵³ rows
            return sums.round().astype(np.int64) if summed.dtype == np.int64 else sums

        return Margins(
            names, margin(self.actual), margin(self.answered), margin(self.actual, self.actual == self.answered)
        )


def combined(
    columns: tuple[str, ...], values: tuple[tuple[str, ...], ...], codes: Codes, chosen: tuple[str, ...]
) -> tuple[tuple[str, ...], Codes]:
    """The combinations of values of the columns `chosen` that occur, in the order of these values, and each cell's."""
    import numpy as np

    if not chosen:
        return ("all",), np.zeros(len(codes), dtype=np.int64)
    places = [columns.index(name) for name in chosen]
    name_lists = [values[place] for place in places]
    cells = np.ravel_multi_index([codes[:, place] for place in places], [len(names) for names in name_lists])
    used, groups = np.unique(cells, return_inverse=True)
    held = np.unravel_index(used, [len(names) for names in name_lists])
    each = ([names[index] for index in column] for names, column in zip(name_lists, held, strict=True))
    return tuple(CROSS.join(combination) for combination in zip(*each, strict=True)), groups.astype(np.int64)
