"""Training rows with other last digits, planted in crowds and missing values; crowds of strangers; and large tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from seatrial.trial.data_checks.data_checks import DataChecks
from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.near_cells import NearCells
from seatrial.trial.data_checks.near_copies import CountedRows, beyond_chance
from seatrial.trial.data_checks.value_hashes import hash_column, mix_bits

Numbers = NDArray[Any]


def counted(train: Numbers, test: Numbers) -> int:
    """Of the test rows, those that count as training rows with other last digits."""
    names = [f"x{place}" for place in range(train.shape[1])]
    cells = NearCells(names, names)
    for rows, see in ((train, cells.see_train), (test, cells.see)):
        table = pa.table({name: pa.array(rows[:, place]) for place, name in enumerate(names)})
        see(table, {name: hash_column(table.column(name)).near for name in names})
    return cells.rows(copies=0, rows=len(test)).rows


def customers(seed: int, rows: int, columns: int, *, spread: float, alike: float) -> Numbers:
    """Correlated lognormal columns."""
    random = np.random.default_rng(seed)
    own, shared = random.normal(size=(rows, columns)), random.normal(size=(rows, 1))
    amounts: Numbers = np.exp(spread * (np.sqrt(1 - alike) * own + np.sqrt(alike) * shared))
    return amounts


def crowd(seed: int, rows: int, columns: int, *, spread: float) -> Numbers:
    near_one: Numbers = 1 + spread * np.random.default_rng(seed).normal(size=(rows, columns))
    return near_one


def with_a_crowd(columns: int, *, spread: float) -> Numbers:
    """A twentieth of the rows stands close together."""
    return np.vstack([np.random.default_rng(1).normal(size=(19_000, columns)), crowd(2, 1000, columns, spread=spread)])


@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("spread", [1, 2])
@pytest.mark.parametrize("alike", [0.3, 0.7, 0.95])
def test_customers_below_a_quantile_are_no_copies(columns: int, spread: float, alike: float) -> None:
    train = customers(1, 20_000, columns, spread=spread, alike=alike)
    others = customers(2, 30_000, columns, spread=spread, alike=alike)
    assert counted(train, others[others[:, 0] < np.quantile(train[:, 0], 0.05)][:1000]) == 0


@pytest.mark.parametrize("columns", [2, 3, 4, 6])
@pytest.mark.parametrize("spread", [0.1, 0.03, 0.01, 0.003, 0.001])
def test_a_crowd_of_others_is_no_copy_of_the_crowd_in_the_training_set(columns: int, spread: float) -> None:
    assert counted(with_a_crowd(columns, spread=spread), crowd(3, 1000, columns, spread=spread)) == 0


@pytest.mark.parametrize("digits", [1, 2])
def test_a_crowd_on_a_grid_is_no_copy(digits: int) -> None:
    """The next cell holds nobody there; the next value does."""
    train, others = with_a_crowd(2, spread=0.1), crowd(3, 1000, 2, spread=0.1)
    assert counted(train.round(digits), others.round(digits)) == 0


def test_people_without_an_income_are_no_copies_of_others_without_one() -> None:
    def people(seed: int, rows: int, without: float) -> Numbers:
        random = np.random.default_rng(seed)
        income = np.where(random.random(rows) < without, 0, random.lognormal(10, 1, rows))
        return np.column_stack([income, random.integers(17, 90, rows), random.integers(1, 60, rows)])

    assert counted(people(1, 20_000, 0.05), people(2, 1000, 1)) == 0


@pytest.mark.parametrize("shift", [1e-6, 1e-5, 1e-4])
@pytest.mark.parametrize("columns", [2, 4])
def test_shifted_rows_of_few_customers_are_copies(columns: int, shift: float) -> None:
    train = customers(1, 20_000, columns, spread=1, alike=0.3)
    test = train[train[:, 0] < np.quantile(train[:, 0], 0.05)] + shift
    assert counted(train, test) > 0.5 * len(test)


@pytest.mark.parametrize("columns", [2, 3, 6])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_rows_of_a_crowd_in_shorter_floats_are_copies(columns: int, kind: type) -> None:
    train = with_a_crowd(columns, spread=0.3)
    assert counted(train, train[-1000:].astype(kind).astype(float)) > 300


def test_copies_of_which_numbers_are_missing_are_copies() -> None:
    random = np.random.default_rng(1)
    train = random.normal(size=(2000, 3))
    train[random.random(2000) < 0.5, 0] = np.nan
    assert counted(train, train + 1e-6) > 1900


@pytest.mark.parametrize("values", [2**22, 2**26, 2**30, 2**34])
def test_chance_that_is_seen_in_a_sample_alone_is_no_copy(values: int) -> None:
    """32,000 rows of which one in 32 is kept: a pair that is seen is no 32 pairs."""
    random, rows = np.random.default_rng(values), 2**15
    alarms = 0
    for _ in range(200):
        test, train = HashSample(2**10), HashSample(2**10)
        for sample in (test, train):
            sample.add(mix_bits(random.integers(0, values, rows, dtype=np.uint64)))
        assert test.scale(train) >= 32
        alarms += beyond_chance(test, train, copies=0, rows=rows, train_rows=rows).rows > 0
    assert alarms == 0


def test_copies_that_are_seen_in_a_sample_are_an_estimate() -> None:
    test, train = HashSample(2**10), HashSample(2**10)
    hashes = mix_bits(np.arange(2**16, dtype=np.uint64))
    train.add(hashes[: 2**15])
    test.add(hashes[2**14 : 2**14 + 2**15])
    near = beyond_chance(test, train, copies=0, rows=2**15, train_rows=2**15)
    assert near.rows == pytest.approx(2**14, rel=0.3)
    assert not near.exact
    assert beyond_chance(HashSample(8), HashSample(8), copies=0, rows=1, train_rows=1) == CountedRows(0)


@pytest.mark.parametrize(("rows", "exact"), [(3_000, True), (40_000, False)])
def test_altered_rows_of_a_sample_are_said_to_be_an_estimate(rows: int, exact: bool) -> None:
    random = np.random.default_rng(1)
    numbers, labels = random.normal(size=(3, rows)), random.integers(0, 2, rows)
    train, test = (
        pa.table([pa.array(values) for values in (*moved, labels)], names=["a", "b", "c", "y"])
        for moved in (numbers, numbers + 1e-4)
    )
    checks = DataChecks(test.schema, label="y", task="binary", inputs=["a", "b", "c"])
    checks.see_train(train)
    checks.see(test)
    facts = checks.facts()
    assert facts.overlap is not None
    assert facts.overlap > 0.5 * rows
    assert facts.exact is exact
