"""Test rows that are rows of the training set but for some columns, or the label: planted, and what only looks so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seatrial
from seatrial.errors import InputError
from seatrial.tryout.assessment import Assessment
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.verdict import Outcome

ROWS = 1200
POLICY = """
[policy]
{settings}
[[policy.require]]
metric = "test_overlap"
at_most = 0.02
"""


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEATRIAL_STATE", "SEATRIAL_HOME", "SEATRIAL_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))


def people(seed: int, rows: int = ROWS) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "born": random.integers(0, 25_000, rows),
            "postcode": random.integers(10_000, 99_999, rows),
            "sex": random.choice(["f", "m"], rows),
            "income": np.round(random.lognormal(10, 1, rows), 2),
            "score": random.normal(size=rows),
            "children": random.integers(0, 4, rows),
            "job": random.choice(list("abcdefgh"), rows),
            "hours": random.integers(10, 60, rows),
            "y": random.integers(0, 2, rows),
        }
    )


def a_year_later(train: pd.DataFrame, *, moving: list[str]) -> pd.DataFrame:
    """The same people with what changes in a year."""
    others = people(2)
    return train.assign(**{name: others[name] for name in moving}, year=train["year"] + 1)


def assessed(
    test: pd.DataFrame, train: pd.DataFrame, tmp_path: Path, *, settings: str = "", not_inputs: tuple[str, ...] = ()
) -> Assessment:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(settings=settings))
    inputs = [str(name) for name in test if name not in ("y", *not_inputs)]
    return seatrial.assess(
        lambda rows: rows.iloc[:, 0].to_numpy() % 2 * 1.0, test, label="y", inputs=inputs, train=train, policy=policy
    )


def overlap(of: Assessment) -> float:
    return next(
        item.estimate
        for item in of.trial.evidence
        if isinstance(item, Evidence) and item.claim.metric == "test_overlap"
    )


@pytest.mark.parametrize(
    "altered",
    [["y"], ["score"], ["income", "score"], ["born", "job", "hours"], ["score", "y"], ["sex", "children", "y"]],
)
def test_copies_with_some_columns_altered_are_copies(altered: list[str], tmp_path: Path) -> None:
    train, others = people(1), people(2)
    test = train.sample(ROWS, random_state=0).reset_index(drop=True)
    for name in altered:
        test[name] = 1 - test["y"] if name == "y" else others[name]
    found = assessed(test, train, tmp_path)
    assert overlap(found) > 0.95
    assert found.outcome is Outcome.FAIL


def measurements(seed: int, columns: int = 3) -> pd.DataFrame:
    """Numbers of three digits behind the point, and a label that they say nothing about."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(ROWS, columns)).round(3)
    return pd.DataFrame(numbers, columns=[f"x{place}" for place in range(columns)]).assign(
        y=random.integers(0, 2, ROWS)
    )


@pytest.mark.parametrize("columns", [2, 6])
@pytest.mark.parametrize(
    "alter",
    [
        lambda table: table + 1e-6,
        lambda table: table * (1 + 1e-5),
        lambda table: table + 1e-4 * np.random.default_rng(0).normal(size=table.shape),
        lambda table: table.round(2),
        lambda table: table.astype(np.float16),
        lambda table: (table * 10_000 + 1).round().astype(int) / 10_000,
    ],
    ids=["shifted", "scaled by a hair", "noise", "rounded", "half floats", "whole numbers of a unit"],
)
def test_copies_with_other_last_digits_are_copies(columns: int, alter: Any, tmp_path: Path) -> None:
    train = measurements(1, columns)
    inputs = list(train.columns.drop("y"))
    found = assessed(train.assign(**alter(train[inputs])), train, tmp_path)
    assert overlap(found) > 0.3
    assert found.outcome is Outcome.FAIL


@pytest.mark.parametrize("columns", [1, 2, 6])
def test_measurements_of_others_are_no_copies(columns: int, tmp_path: Path) -> None:
    found = assessed(measurements(2, columns), measurements(1, columns), tmp_path)
    assert found.outcome is not Outcome.FAIL or columns == 1  # in one column, of a thousand values, most come again


def test_a_group_of_which_the_test_rows_have_more_is_no_copy(tmp_path: Path) -> None:
    train, test = measurements(1), measurements(2)
    alike = 5 + 0.001 * np.random.default_rng(3).normal(size=(ROWS, 3))
    inputs = list(train.columns.drop("y"))
    train.loc[: ROWS // 50, inputs] = alike[: ROWS // 50 + 1]
    test.loc[ROWS // 2 :, inputs] = alike[ROWS // 2 :]
    assert overlap(assessed(test, train, tmp_path)) < 0.02


def test_a_tenth_of_near_copies_is_a_tenth(tmp_path: Path) -> None:
    train, test = people(1), people(2)
    test.loc[:119, [name for name in test if name not in ("score", "y")]] = train.drop(columns=["score", "y"])[:120]
    found = assessed(test, train, tmp_path)
    assert 0.09 < overlap(found) < 0.11
    assert any("rows of the training set but for some of" in note.text for note in found.notes)


def test_honest_rows_are_no_copies(tmp_path: Path) -> None:
    assert overlap(assessed(people(2), people(1), tmp_path)) == 0


def test_rows_that_are_alike_by_nature_are_no_copies(tmp_path: Path) -> None:
    """Few values in every column: half of the columns hardly tell rows apart, in the training set neither."""

    def few(seed: int) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        return pd.DataFrame({f"c{place}": random.integers(0, 3, ROWS) for place in range(8)} | {"y": people(seed)["y"]})

    test, train = few(2), few(1)
    exact = test.merge(train.drop_duplicates(), on=list(test)).shape[0] / ROWS
    assert overlap(assessed(test, train, tmp_path)) == pytest.approx(exact, abs=0.02)


def test_both_files_numbered_from_one_are_no_copies(tmp_path: Path) -> None:
    test, train = people(2), people(1)
    test["number"] = train["number"] = np.arange(ROWS)
    assert overlap(assessed(test, train, tmp_path)) == 0


def test_several_visits_of_the_same_people_in_both_are_no_copies(tmp_path: Path) -> None:
    """Four rows a person, dealt to both files: what is equal between them is as often equal within the training set."""
    random = np.random.default_rng(5)
    everybody = people(1, ROWS // 2)
    visits = everybody.loc[everybody.index.repeat(4)].reset_index(drop=True)
    for name in ("score", "hours", "y"):
        visits[name] = people(7, len(visits))[name]
    visits = visits.iloc[random.permutation(len(visits))].reset_index(drop=True)
    found = assessed(visits[:ROWS].copy(), visits[ROWS:].reset_index(drop=True), tmp_path)
    assert overlap(found) < 0.01


MOVING = ["income", "score", "hours", "y"]
TIME = 'time = "year"'


@pytest.mark.parametrize(
    "times", [(2023, 2024), ("2023-12-31", "2024-12-31"), (dt.date(2023, 12, 31), dt.datetime(2024, 12, 31, 8))]
)
@pytest.mark.parametrize("not_inputs", [(), ("year",)])
def test_the_same_people_later_are_no_copies_where_the_policy_names_the_time(
    times: tuple[Any, Any], not_inputs: tuple[str, ...], tmp_path: Path
) -> None:
    train = people(1).assign(year=2023)
    test = a_year_later(train, moving=MOVING)
    train["year"], test["year"] = times
    unsaid = assessed(test, train, tmp_path, not_inputs=not_inputs)
    assert overlap(unsaid) > 0.95
    assert any("time" in note.hint for note in unsaid.notes if note.kind == "overlap" and note.hint)
    said = assessed(test, train, tmp_path, settings=TIME, not_inputs=not_inputs)
    assert overlap(said) == 0
    assert said.outcome is Outcome.PASS
    assert not any(note.kind == "overlap" for note in said.notes)


@pytest.mark.parametrize("columns", [5, 8, 24])
def test_a_copy_of_which_the_time_and_the_label_alone_are_altered_is_a_copy(columns: int, tmp_path: Path) -> None:
    """Whoever trained on the test data and moves its dates back gains nothing by naming the time."""
    train = people(1).drop(columns=["hours", "job", "children"][: max(8 - columns, 0)]).assign(year=2023)
    for place in range(columns - 8):
        train[f"c{place}"] = np.random.default_rng(place).normal(size=ROWS)
    test = a_year_later(train, moving=["y"])
    assert overlap(assessed(test, train, tmp_path, settings=TIME)) > 0.95


def test_rows_of_the_same_time_are_copies_though_the_policy_names_it(tmp_path: Path) -> None:
    train = people(1).assign(year=2023)
    test = a_year_later(train, moving=MOVING)
    test.loc[0, "year"] = 2023
    assert overlap(assessed(test, train, tmp_path, settings=TIME)) > 0.95


def test_copies_in_every_input_and_the_label_are_copies_at_any_time(tmp_path: Path) -> None:
    train = people(1).assign(year=2023)
    test = a_year_later(train, moving=[])
    assert overlap(assessed(test, train, tmp_path, settings=TIME, not_inputs=("year",))) == 1


@pytest.mark.parametrize("where", ["test", "train"])
def test_a_time_that_is_not_there_is_an_error(where: str, tmp_path: Path) -> None:
    tables = {"test": people(2).assign(year=2024), "train": people(1).assign(year=2023)}
    tables[where] = tables[where].drop(columns="year")
    with pytest.raises(InputError, match="year"):
        assessed(tables["test"], tables["train"], tmp_path, settings=TIME, not_inputs=("year",))


def test_times_of_different_types_are_an_error(tmp_path: Path) -> None:
    test, train = people(2).assign(year="2024"), people(1).assign(year=2023)
    with pytest.raises(InputError, match='"year" holds'):
        assessed(test, train, tmp_path, settings=TIME, not_inputs=("year",))


def test_other_times_are_another_use_of_the_test_data(tmp_path: Path) -> None:
    train = people(1).assign(year=2023)
    test = a_year_later(train, moving=MOVING)
    uses = []
    for year in (2023, 2024):
        use = assessed(test.assign(year=year), train, tmp_path, settings=TIME, not_inputs=("year",)).trial.test_use
        assert use is not None
        uses.append(use.use)
    assert uses == [1, 2]
