"""Copies of rows tell nothing more than the rows: they never turn an inconclusive verdict to a pass.

Rows that are alike by nature (few columns, few values) are rows of their own, and are never refused for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import seatrial
from seatrial.verdicts.verdict import Outcome

Planted = Callable[[np.random.Generator], pd.DataFrame]
Answer = Callable[[pd.DataFrame], NDArray[np.float64]]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / "state"))


def tried(
    frame: pd.DataFrame, model: Answer, policy: Path, requirement: str = "", **more: object
) -> seatrial.Assessment:
    text = requirement or '[[policy.require]]\nmetric = "accuracy"\nat_least = 0.7\n'
    policy.write_text(f"[policy]\nconfidence = 0.95\n{text}")
    inputs = [name for name in frame.columns if name not in ("y", "who")]
    return seatrial.assess(model, frame, label="y", positive="yes", inputs=inputs, policy=policy, **more)  # type: ignore[arg-type]


def people(rows: int, columns: int, *, seed: int = 9, wrong: float = 0.22) -> pd.DataFrame:
    """Measurements, and a label that the sign of their sum tells, but for a share that is wrong."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, columns)).round(3), columns=[f"x{at}" for at in range(columns)])
    turned = np.arange(rows) < round(wrong * rows)
    frame["y"] = np.where((frame.sum(axis=1) > 0) ^ turned, "yes", "no")
    return frame


def by_sum(rows: pd.DataFrame) -> NDArray[np.float64]:
    return np.where(rows.sum(axis=1) > 0, 0.9, 0.1)


def times(frame: pd.DataFrame, copies: int) -> pd.DataFrame:
    return pd.concat([frame] * copies, ignore_index=True)


def shifted(frame: pd.DataFrame, by: float) -> pd.DataFrame:
    """Every copy a hair away from every other."""
    numbers = frame.select_dtypes("number")
    return frame.assign(**{name: numbers[name] + by * np.arange(len(frame)) / len(frame) for name in numbers.columns})


PLANTED: dict[str, Planted] = {
    "60 rows, each 100 times": lambda _: times(people(60, 2), 100),
    "copies made unequal in every column": lambda _: shifted(times(people(60, 2), 100), 6e-6),
    "60 rows, drawn 6,000 times": lambda random: people(60, 2).sample(6000, replace=True, random_state=random),
    "in float32 and in float64": lambda _: pd.concat(
        [times(people(60, 4), 50), times(people(60, 4), 50).astype({f"x{at}": "float32" for at in range(4)})]
    ),
    "many columns": lambda _: times(people(60, 30), 20),
    "the rows answered right alone": lambda _: pd.concat(
        [people(300, 4, wrong=0.3), times(people(3, 4, wrong=0), 800)]
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_copies_of_rows_make_no_pass(name: str, tmp_path: Path) -> None:
    frame = PLANTED[name](np.random.default_rng(1))
    found = tried(frame, by_sum, tmp_path / "policy.toml")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "repeated-rows" in found.findings[0].reason


def test_copies_in_one_group_make_no_pass_of_that_group(tmp_path: Path) -> None:
    frame = pd.concat([people(4000, 3, wrong=0.1).assign(who="many"), times(people(40, 3), 25).assign(who="few")])
    found = tried(
        frame,
        by_sum,
        tmp_path / "policy.toml",
        '[[policy.require]]\nmetric = "accuracy"\nby = "who"\nat_least = 0.7\n',
        groups="who",
    )
    assert found.outcome is Outcome.INCONCLUSIVE


def test_copies_in_a_crossed_group_or_a_bin_make_no_pass_of_it(tmp_path: Path) -> None:
    many = people(4000, 3, wrong=0.1).assign(who="many", age=30)
    few = times(people(40, 3), 25).assign(who="few", age=60)
    for by, groups in (("who*age", "who*age:50"), ("age", "age:50")):
        found = tried(
            pd.concat([many, few]),
            lambda rows: by_sum(rows.drop(columns="age")),
            tmp_path / "policy.toml",
            f'bins = {{ age = [50] }}\n[[policy.require]]\nmetric = "accuracy"\nby = "{by}"\nat_least = 0.7\n',
            groups=groups,
        )
        assert found.outcome is Outcome.INCONCLUSIVE
        assert "repeated-rows" in found.findings[0].reason


def test_copies_of_what_is_answered_right_make_no_precision(tmp_path: Path) -> None:
    frame = people(600, 3, wrong=0.3)
    right = frame[(frame.y == "yes") & (by_sum(frame.drop(columns="y")) > 0.5)].head(4)
    requirement = '[[policy.require]]\nmetric = "precision"\nat_least = 0.7\n'
    found = tried(pd.concat([frame, times(right, 200)]), by_sum, tmp_path / "policy.toml", requirement)
    assert found.outcome is Outcome.INCONCLUSIVE


def test_copies_make_no_pass_of_a_regression(tmp_path: Path) -> None:
    frame = people(60, 1)
    frame["y"] = frame.x0 + np.random.default_rng(2).normal(size=60)
    requirement = '[[policy.require]]\nmetric = "mae"\nat_most = 0.95\n'
    policy = tmp_path / "policy.toml"
    policy.write_text(f"[policy]\nconfidence = 0.95\n{requirement}")
    found = seatrial.assess(lambda rows: rows.x0.to_numpy(), times(frame, 100), label="y", inputs=["x0"], policy=policy)
    assert found.outcome is Outcome.INCONCLUSIVE


def categories(random: np.random.Generator, *, spread: bool) -> pd.DataFrame:
    """Two columns of few values; with `spread` as a column of 0 and 1 for each value."""
    plain = pd.DataFrame({"a": random.integers(0, 6, 4000), "b": random.integers(0, 10, 4000)})
    label = np.where((plain.a + plain.b > 7) ^ (random.random(4000) < 0.2), "yes", "no")
    return (pd.get_dummies(plain.astype(str)).astype(float) if spread else plain).assign(y=label)


def either(random: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame({"a": random.integers(0, 2, 4000), "b": random.integers(0, 2, 4000)})
    return frame.assign(y=np.where(frame.a != frame.b, "yes", "no"))


def rare(random: np.random.Generator) -> pd.DataFrame:
    frame = pd.DataFrame((random.random((4000, 5)) < 0.05) * 1.0, columns=list("abcde"))
    return frame.assign(y=np.where(frame.a + frame.b > 0, "yes", "no"))


def dense(random: np.random.Generator) -> pd.DataFrame:
    a = random.normal(size=8_000)
    frame = pd.DataFrame({"a": a, "b": a + 0.001 * random.normal(size=8_000)})
    return frame.assign(y=np.where(a > 0, "yes", "no"))


NATURAL: dict[str, Planted] = {
    "two columns of categories": lambda random: categories(random, spread=False),
    "categories as columns of 0 and 1": lambda random: categories(random, spread=True),
    "either of two, without noise": either,
    "mostly zeros": rare,
    "two measurements of one thing, densely": dense,
    "whole years of age": lambda random: pd.DataFrame({"a": random.integers(18, 90, 4000)}).assign(
        y=lambda rows: np.where(rows.a > 50, "yes", "no")
    ),
}


@pytest.mark.simulation
@pytest.mark.parametrize("name", NATURAL)
def test_rows_that_are_alike_by_nature_pass(name: str, tmp_path: Path) -> None:
    frame = NATURAL[name](np.random.default_rng(4))
    majority = frame.y.mode()[0]
    told = frame.groupby([one for one in frame.columns if one != "y"], dropna=False).y.agg(lambda y: y.mode()[0])

    def model(rows: pd.DataFrame) -> NDArray[np.float64]:
        keys = rows.iloc[:, 0] if rows.shape[1] == 1 else pd.MultiIndex.from_frame(rows)
        return np.where(told.reindex(keys).fillna(majority) == "yes", 0.95, 0.05)

    found = tried(frame, model, tmp_path / "policy.toml")
    assert found.outcome is Outcome.PASS, found.findings[0].reason


def test_a_policy_that_states_how_many_copies_are_right_takes_each_for_a_row(tmp_path: Path) -> None:
    stated = (
        '[[policy.require]]\nmetric = "accuracy"\nat_least = 0.7\n'
        '[[policy.require]]\nmetric = "duplicate_share"\nat_most = {}\n'
    )
    frame = times(people(60, 2), 100)
    assert tried(frame, by_sum, tmp_path / "policy.toml", stated.format(0.995)).outcome is Outcome.PASS
    assert tried(frame, by_sum, tmp_path / "policy.toml", stated.format(0.01)).outcome is Outcome.FAIL


@pytest.mark.parametrize(("copies", "share"), [(1, 0.0), (10, 0.9)])
def test_images_are_compared_by_their_pixels(copies: int, share: float) -> None:
    drawn = np.random.default_rng(3).random((300, 16))
    images = pa.FixedSizeListArray.from_arrays(pa.array(drawn.ravel()), 16)
    table = pa.table({"image": images, "y": pa.array(np.where(drawn[:, 0] > 0.5, "yes", "no").tolist())})

    def model(rows: pa.Table) -> NDArray[np.float64]:
        pixels: NDArray[np.float64] = np.array(rows["image"].to_pylist(), np.float64)
        return np.where(pixels[:, 0] > 0.5, 1.0, 0.0)

    found = seatrial.assess(model, pa.concat_tables([table] * copies), label="y", positive="yes", inputs=["image"])
    assert [one.estimate for one in found.trial.evidence if one.claim.metric == "duplicate_share"] == [share]


def test_the_share_of_copies_is_counted(tmp_path: Path) -> None:
    found = tried(times(people(60, 2), 100), by_sum, tmp_path / "policy.toml")
    (share,) = [one for one in found.trial.evidence if one.claim.metric == "duplicate_share"]
    assert (share.low, share.estimate, share.high) == (0.99, 0.99, 0.99)
    assert share.conditions["counts"] == "5940 of 6000"
