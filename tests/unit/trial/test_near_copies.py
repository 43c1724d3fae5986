"""Test rows that are rows of the training set but for some columns, or the label: planted, and what only looks so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seatrial
from seatrial.tryout.assessment import Assessment
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.verdict import Outcome

ROWS = 1200
POLICY = """
[policy]
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


def assessed(test: pd.DataFrame, train: pd.DataFrame, tmp_path: Path) -> Assessment:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    inputs = [str(name) for name in test if name != "y"]
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
