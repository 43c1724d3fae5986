"""Contingency cells: whatever they are summed over, no row is lost and none counts twice."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.verdicts.contingency import CROSS, Cells, WeightSums
from seatrial.verdicts.error_sums import POWERS, ErrorSums

SEXES, RACES, CLASSES = ("f", "m"), ("x", "y", "z"), ("no", "yes")
ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60
)
Row = tuple[int, int, int, int]


def cells_of(rows: list[Row]) -> Cells:
    counted = Counter(rows)
    codes = np.array(sorted(counted), dtype=np.int64)
    numbers = np.array([counted[key] for key in sorted(counted)], dtype=np.int64)
    weights = WeightSums(numbers * np.float64(0.5), numbers * np.float64(0.25), 0.5)
    return Cells(("sex", "race"), (SEXES, RACES), CLASSES, codes[:, :2], codes[:, 2], codes[:, 3], numbers, weights)


@given(ROWS)
def test_margins_are_the_rows_counted_one_by_one(rows: list[Row]) -> None:
    cells = cells_of(rows)
    margins = cells.by("sex", "race")
    for (sex, race), label in product(product(range(2), range(3)), range(2)):
        here = [row for row in rows if row[:2] == (sex, race)]
        name = f"{SEXES[sex]}{CROSS}{RACES[race]}"
        if not here:
            assert name not in margins.names
            continue
        place = margins.names.index(name)
        assert margins.rows[place] == len(here)
        assert margins.actual[place, label] == sum(row[2] == label for row in here)
        assert margins.answered[place, label] == sum(row[3] == label for row in here)
        assert margins.right[place, label] == sum(row[2] == row[3] == label for row in here)


@given(ROWS)
def test_a_column_and_everybody_are_sums_of_its_intersections(rows: list[Row]) -> None:
    cells = cells_of(rows)
    overall, crossed = cells.by(), cells.by("race", "sex")
    assert overall.names == ("all",)
    assert overall.rows[0] == cells.total == len(rows)
    for column, place in (("race", 0), ("sex", 1)):
        alone = cells.by(column)
        for index, name in enumerate(alone.names):
            parts = [at for at, each in enumerate(crossed.names) if each.split(CROSS)[place] == name]
            assert np.array_equal(alone.right[index], crossed.right[parts].sum(axis=0))
            assert np.array_equal(alone.actual[index], crossed.actual[parts].sum(axis=0))


@given(ROWS)
def test_weights_are_summed_as_rows_are(rows: list[Row]) -> None:
    cells = cells_of(rows)
    sums, squares = cells.weighted_by("sex")
    assert np.array_equal(sums.right, cells.by("sex").right * 0.5)
    assert np.array_equal(squares.answered, cells.by("sex").answered * 0.25)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(-5, 5)), min_size=1, max_size=40))
def test_sums_of_errors_add_up_to_everybodys(rows: list[tuple[int, float]]) -> None:
    used = sorted({group for group, _ in rows})
    here = [np.array([error for group, error in rows if group == each]) for each in used]
    summed = {
        (name, power): np.array([((np.abs(one) if name == "absolute" else one) ** power).sum() for one in here])
        for name, power in POWERS
    }
    sizes = np.array([len(one) for one in here])
    errors = ErrorSums(("sex",), (SEXES,), np.array(used)[:, None], sizes, np.zeros_like(sizes), summed)
    by_sex, overall = errors.by("sex"), errors.by()
    assert by_sex.names == tuple(SEXES[each] for each in used)
    assert overall.rows[0] == errors.total == len(rows)
    for metric in ("mae", "rmse", "mean_error"):
        parts = np.array([by_sex.powers(metric, group) for group in range(len(used))])
        np.testing.assert_allclose(overall.powers(metric, 0), parts.sum(axis=0), atol=1e-9)
