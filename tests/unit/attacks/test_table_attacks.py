"""Attacks on tables: what may change, at which price, and that the search finds what exhaustion finds."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.attacks.discrete_search import greedy_search, pair_search
from seatrial.attacks.gradient_masking import black_box_stronger
from seatrial.attacks.suite import UNBROKEN, Effort, SuiteResult, run_suite
from seatrial.attacks.table_threat import Constraint, Moves, TableThreat, parse_constraint
from seatrial.attacks.target_model import TargetModel

COLUMNS = ("age", "hours", "gain", "loss", "occupation")
INFINITE = np.inf


def threat(budget: float = 10.0, *constraints: str) -> TableThreat:
    """Age is as it is; hours move by whole numbers, gain only upwards, loss both ways; occupation has four values."""
    moves = Moves(
        low=np.array([0.0, 1.0, 0.0, 0.0, 0.0]),
        high=np.array([100.0, 80.0, 1000.0, 500.0, 3.0]),
        step=np.array([0.0, 1.0, 0.0, 10.0, 0.0]),
        up=np.array([True, True, True, True, True]),
        down=np.array([True, True, False, True, True]),
        cost=np.array([INFINITE, 1.0, 0.1, 0.05, 3.0]),
        values=((), (), (), (), (0, 1, 2)),
    )
    parsed = [parse_constraint(text, COLUMNS) for text in constraints]
    assert all(isinstance(one, Constraint) for one in parsed)
    return TableThreat(moves, budget, tuple(one for one in parsed if isinstance(one, Constraint)))


def people(rows: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [
            rng.uniform(18, 80, rows),
            rng.integers(1, 81, rows),
            rng.uniform(0, 1000, rows),
            10.0 * rng.integers(0, 51, rows),
            rng.integers(0, 4, rows),
        ]
    ).astype(float)


@pytest.mark.simulation
@given(seed=st.integers(0, 2**32 - 1), budget=st.floats(0.5, 100.0), scale=st.floats(0.1, 300.0))
def test_whatever_is_tried_ends_as_something_the_attacker_can_make(seed: int, budget: float, scale: float) -> None:
    allowed = threat(budget, "loss <= gain", "hours >= 5")
    origin, rng = people(20, seed), np.random.default_rng(seed)
    for moved in (
        allowed.confine(origin + scale * rng.standard_normal(origin.shape), origin),
        allowed.start(origin, rng),
        allowed.confine(origin + allowed.radius * allowed.ascend(rng.standard_normal(origin.shape), origin), origin),
    ):
        assert allowed.is_allowed(moved, origin).all()
        assert (moved[:, 0] == origin[:, 0]).all()
        assert (moved[:, 2] >= origin[:, 2] - 1e-9).all()
        assert (allowed.cost(moved, origin) <= budget * (1 + 1e-6)).all()


@pytest.mark.parametrize(
    ("column", "value", "allowed"),
    [
        (0, 51.0, False),  # age is not the attacker's
        (1, 45.0, True),
        (1, 45.5, False),  # whole hours
        (1, 55.0, False),  # more than the budget
        (2, 190.0, True),
        (2, 50.0, False),  # downwards
        (3, 110.0, True),
        (3, 105.0, False),  # tens
        (4, 2.0, True),
        (4, 3.0, False),  # not among the values
    ],
)
def test_each_rule_is_kept(column: int, value: float, allowed: bool) -> None:
    origin = np.array([[50.0, 40.0, 100.0, 100.0, 0.0]])
    moved = origin.copy()
    moved[0, column] = value
    assert threat().is_allowed(moved, origin).tolist() == [allowed]


def test_a_constraint_between_columns_keeps_holding_and_one_that_never_did_is_not_asked_for() -> None:
    origin = np.array([[50.0, 40.0, 100.0, 90.0, 0.0], [50.0, 40.0, 10.0, 90.0, 0.0]])
    moved = origin.copy()
    moved[:, 3] = 110.0
    assert threat(10.0, "loss <= gain").is_allowed(moved, origin).tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [("loss=gain", "must be a comparison"), ("los <= gain", '"los" must be a column or a number')],
)
def test_a_constraint_that_is_none_says_why(text: str, words: str) -> None:
    found = parse_constraint(text, COLUMNS)
    assert isinstance(found, str)
    assert words in found


def scores(rows: np.ndarray) -> np.ndarray:
    """Earns more: many hours, gains, the third occupation; with a bend, so that steps depend on each other."""
    job = np.array([0.0, 0.3, 1.1, -0.5])[rows[:, 4].astype(int)]
    raw = 0.04 * (rows[:, 1] - 40) + 0.004 * (rows[:, 2] - 200) - 0.002 * rows[:, 3] + job
    raw = raw + 0.5 * np.tanh(raw) * job
    return np.column_stack([-raw, raw])


def test_the_search_finds_nearly_every_row_that_trying_everything_finds() -> None:
    allowed = threat(6.0)
    origin = people(60, 3)
    actual = scores(origin).argmax(axis=1)
    hours, gains, losses = np.arange(-6, 7), np.linspace(0, 60, 13), 10.0 * np.arange(-12, 13)
    grid = np.array(list(product(hours, gains, losses, range(4))), float)
    broken = []
    for row, truth in zip(origin, actual, strict=True):
        tried = np.repeat(row[None], len(grid), axis=0)
        tried[:, 1:4] += grid[:, :3]
        tried[:, 4] = np.where(grid[:, 3] == 3, row[4], grid[:, 3])
        tried = tried[allowed.is_allowed(tried, np.repeat(row[None], len(tried), axis=0))]
        broken.append(bool((scores(tried).argmax(axis=1) != truth).any()))
    exhaustive = np.array(broken)
    target = TargetModel(scores)
    found = greedy_search(target, origin, actual, allowed, rounds=6, rng=np.random.default_rng(1))
    assert allowed.is_allowed(found, origin).all()
    greedy = target.is_broken(found, actual)
    assert exhaustive.sum() >= 10
    assert (exhaustive & ~greedy).sum() <= 1


def two_bumps(rows: np.ndarray) -> np.ndarray:
    """Says otherwise only where two columns have moved together, 4 each: neither move pays alone, the way back pays."""
    moved = rows[:, 1:3] - [40.0, 200.0]
    bump = np.exp(-((moved[:, 0] - 4) ** 2 + (moved[:, 1] / 10 - 4) ** 2) / 2) - 0.02 * np.abs(moved).sum(axis=1) / 10
    return np.column_stack([np.full(len(rows), 0.3), bump])


def test_a_search_that_moves_two_columns_at_once_finds_what_single_moves_do_not() -> None:
    origin = np.tile([30.0, 40.0, 200.0, 100.0, 0.0], (5, 1))
    actual, target = np.zeros(5, np.int64), TargetModel(two_bumps)
    allowed = threat(9.0)
    alone = greedy_search(target, origin, actual, allowed, rounds=8, rng=np.random.default_rng(1))
    both = pair_search(target, origin, actual, allowed, rounds=8, rng=np.random.default_rng(1))
    assert not target.is_broken(alone, actual).any()
    assert target.is_broken(both, actual).all()
    assert allowed.is_allowed(both, origin).all()


def test_the_suite_takes_the_attacks_that_a_table_has() -> None:
    origin = people(80, 4)
    actual = scores(origin).argmax(axis=1)
    found = run_suite(
        TargetModel(scores), origin, actual, threat(6.0), effort=Effort(), shape=(5,), seed=1, budget_s=60
    )
    assert found.attacks == ("clean", "noise", "discrete", "transfer")
    assert 0 < (~found.unbroken).sum() < len(origin)


def test_what_an_attack_found_in_time_counts_though_the_time_is_over_when_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = [0.0]

    def last_second(_target: TargetModel, rows: np.ndarray, _actual: np.ndarray, **_options: object) -> np.ndarray:
        seconds[0] = 61.0
        return people(len(rows), 5)

    for module in ("suite", "target_model"):
        monkeypatch.setattr(f"seatrial.attacks.{module}.monotonic", lambda: seconds[0])
    monkeypatch.setattr("seatrial.attacks.suite.noise", last_second)
    origin = people(80, 4)
    found = run_suite(
        TargetModel(scores),
        origin,
        scores(origin).argmax(axis=1),
        threat(6.0),
        effort=Effort(),
        shape=(5,),
        seed=1,
        budget_s=60,
    )
    assert found.attacks == ("clean", "noise")
    assert 0 < (~found.unbroken).sum() < len(origin)
    assert {item.attack for item in found.skipped if item.could_run} == {"discrete", "discrete-exact", "transfer"}


def test_what_a_search_breaks_by_new_texts_is_no_sign_against_gradients_and_by_numbers_it_is() -> None:
    origin = people(200, seed=4)
    moves = threat().moves
    text, number = np.flatnonzero(moves.is_text)[0], np.flatnonzero(moves.is_number)[0]
    by = np.where(np.arange(200) < 50, 2, UNBROKEN)
    for column, sign in ((text, None), (number, "black-box-stronger")):
        worst = origin.copy()
        worst[:50, column] += 1
        found = black_box_stronger(
            SuiteResult(by, worst, ("clean", "pgd-1", "discrete"), (), np.zeros(200, bool)), origin, threat()
        )
        assert (found.code if found else None) == sign
