"""Rows that a model does not answer are counted, get no label, and never help; ties are told; labels that lack too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import seatrial
from seatrial.errors import InputError
from seatrial.verdicts.verdict import Outcome

ROWS = 2000


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / "state"))


@pytest.fixture
def table() -> pa.Table:
    """Each row's label is told by the sign of x, but for one in ten."""
    random = np.random.default_rng(5)
    x = random.normal(size=ROWS)
    label = np.where((x > 0) ^ (random.random(ROWS) < 0.1), "yes", "no")
    return pa.table({"x": pa.array(x), "row": pa.array(np.arange(ROWS)), "y": pa.array(label.tolist())})


def tried(model: Any, table: pa.Table, policy: Path, *requirements: str) -> seatrial.Assessment:
    policy.write_text("[policy]\n" + "".join(f"[[policy.require]]\n{one}\n" for one in requirements))
    return seatrial.assess(model, table, label="y", positive="yes", inputs=["x", "row"], policy=policy)


def share(found: seatrial.Assessment, metric: str) -> tuple[float, str]:
    (one,) = [one for one in found.trial.evidence if one.claim.metric == metric]
    return one.estimate, one.conditions["counts"]


def silent(part: float, *, labels: bool = False) -> Any:
    """A model that is right whenever the label can be told, and does not answer that part of the rows."""

    def model(rows: pa.Table) -> NDArray[Any]:
        gone = rows["row"].to_numpy() % 1000 < 1000 * part
        yes = rows["x"].to_numpy() > 0
        if labels:
            answers = np.where(yes, "yes", "no").astype(object)
            answers[gone] = None
            return answers
        return np.where(gone, np.nan, np.where(yes, 0.9, 0.1))

    return model


ACCURATE = 'metric = "accuracy"\nat_least = 0.8'


@pytest.mark.parametrize("labels", [False, True])
def test_nan_and_null_are_no_answers(table: pa.Table, tmp_path: Path, *, labels: bool) -> None:
    found = tried(silent(0.1, labels=labels), table, tmp_path / "p.toml", ACCURATE)
    assert share(found, "answered_share") == (0.9, "1800 of 2000")
    (note,) = [note for note in found.notes if note.kind == "unanswered"]
    assert "200 of 2,000 rows (10.0%), first row 0 " in note.text
    (accuracy,) = [one for one in found.trial.evidence if str(one.claim) == "accuracy"]
    assert accuracy.conditions["rows"] == "1800"


@pytest.mark.parametrize(("part", "outcome"), [(0.02, Outcome.PASS), (0.3, Outcome.INCONCLUSIVE)])
def test_rows_without_an_answer_count_as_answered_in_the_worst_way(
    table: pa.Table, tmp_path: Path, part: float, outcome: Outcome
) -> None:
    found = tried(silent(part), table, tmp_path / "p.toml", ACCURATE)
    assert found.outcome is outcome
    assert ("unanswered-rows" in found.findings[0].reason) is (outcome is not Outcome.PASS)


def test_a_policy_can_require_answers(table: pa.Table, tmp_path: Path) -> None:
    asked = 'metric = "answered_share"\nat_least = 0.95'
    assert tried(silent(0.02), table, tmp_path / "p.toml", asked).outcome is Outcome.PASS
    assert tried(silent(0.3), table, tmp_path / "p.toml", asked).outcome is Outcome.FAIL


def test_a_regression_that_answers_nan_has_not_answered(table: pa.Table, tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text('[policy]\n[[policy.require]]\nmetric = "answered_share"\nat_least = 0.95\n')
    numbers = table.set_column(2, "y", pa.array(table["x"].to_numpy() + 1))

    def model(rows: pa.Table) -> NDArray[np.float64]:
        return np.where(rows["row"].to_numpy() % 10 == 0, np.nan, rows["x"].to_numpy())

    found = seatrial.assess(model, numbers, label="y", inputs=["x", "row"], policy=policy)
    assert found.outcome is Outcome.FAIL
    assert share(found, "answered_share") == (0.9, "1800 of 2000")


def test_a_model_that_answers_nothing_is_an_error(table: pa.Table, tmp_path: Path) -> None:
    def model(rows: pa.Table) -> NDArray[np.float64]:
        return np.full((rows.num_rows, 2), np.nan)

    with pytest.raises(InputError, match="does not answer any of 2,000 rows"):
        tried(model, table, tmp_path / "p.toml", ACCURATE)


@pytest.mark.parametrize(("at_most", "outcome"), [(0.01, Outcome.FAIL), (0.1, Outcome.PASS)])
def test_a_policy_can_limit_the_rows_without_a_label(
    table: pa.Table, tmp_path: Path, at_most: float, outcome: Outcome
) -> None:
    label = [None if row % 20 == 0 else text for row, text in enumerate(table["y"].to_pylist())]
    emptied = table.set_column(2, "y", pa.array(label, pa.string()))
    asked = f'metric = "unlabelled_share"\nat_most = {at_most}'
    found = tried(silent(0.0), emptied, tmp_path / "p.toml", asked)
    assert share(found, "unlabelled_share") == (0.05, "100 of 2000")
    assert found.outcome is outcome


def test_probabilities_of_exactly_one_half_are_counted(table: pa.Table, tmp_path: Path) -> None:
    def model(rows: pa.Table) -> NDArray[np.float64]:
        x = rows["x"].to_numpy()
        return np.where(rows["row"].to_numpy() % 10 == 0, 0.5, np.where(x > 0, 0.9, 0.1))

    found = tried(model, table, tmp_path / "p.toml", ACCURATE)
    (note,) = [note for note in found.notes if note.kind == "ties"]
    assert (
        "200 of 2,000 rows (10.0%) have a probability of exactly one half: the model answers all of them yes"
        in note.text
    )


def test_copies_are_found_beside_rows_without_an_answer(table: pa.Table, tmp_path: Path) -> None:
    copied = pa.concat_tables([table.slice(0, 60)] * 100)
    asked = 'metric = "accuracy"\nat_least = 0.85'
    assert tried(silent(0.002), copied, tmp_path / "p.toml", asked).outcome is Outcome.INCONCLUSIVE
