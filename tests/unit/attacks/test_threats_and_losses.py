"""What every attack rests on: moves that stay allowed, and slopes that are those of the losses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.attacks.losses import Loss, TargetedRatio, among, cross_entropy, margin, margin_loss, ranked
from seatrial.attacks.threats import L0, L2, Linf, Patch, Threat

THREATS: list[Threat] = [Linf(0.2, 0.0, 1.0), L2(0.5, 0.0, 1.0), L0(3, 0.0, 1.0), Patch(2, 0.0, 1.0, (3, 3))]
seeds = st.integers(0, 2**32 - 1)


def allowed(threat: Threat, moved: np.ndarray, origin: np.ndarray) -> bool:
    change = np.abs(moved - origin)
    if isinstance(threat, Patch):
        places = (change > 0).reshape(len(change), *threat.shape)
        rows, columns = places.any(axis=2), places.any(axis=1)
        spans = [side.shape[1] - side.argmax(axis=1) - side[:, ::-1].argmax(axis=1) for side in (rows, columns)]
        small = all(span[places.any(axis=(1, 2))].max(initial=0) <= threat.budget for span in spans)
        return bool(small and moved.min() >= 0.0 and moved.max() <= 1.0)
    if isinstance(threat, L2):
        reach = np.linalg.norm(change, axis=1).max(initial=0.0)
    else:
        reach = change.max(initial=0.0) if isinstance(threat, Linf) else (change > 0).sum(axis=1).max(initial=0)
    budget = threat.budget  # type: ignore[attr-defined]  # each of these has one
    return bool(reach <= budget * (1 + 1e-9) and moved.min() >= 0.0 and moved.max() <= 1.0)


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.text)
@given(seed=seeds, scale=st.floats(0.01, 10.0))
def test_whatever_an_attack_does_ends_within_the_threat(threat: Threat, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    origin = rng.random((4, 9))
    moved = threat.confine(origin + scale * rng.standard_normal(origin.shape), origin)
    assert allowed(threat, moved, origin)
    assert allowed(threat, threat.start(origin, rng), origin)
    stepped = origin + threat.radius * threat.ascend(rng.standard_normal(origin.shape), origin)
    assert allowed(threat, threat.confine(stepped, origin), origin)


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.text)
@given(seed=seeds)
def test_what_is_allowed_stays_where_it_is(threat: Threat, seed: int) -> None:
    rng = np.random.default_rng(seed)
    origin = rng.random((4, 9))
    once = threat.start(origin, rng)
    assert threat.confine(once, origin) == pytest.approx(once, abs=1e-12)
    assert threat.confine(origin, origin) == pytest.approx(origin, abs=0)


@pytest.mark.parametrize("threat", THREATS[:2], ids=lambda threat: threat.text)
@given(seed=seeds)
def test_no_other_direction_of_length_one_gains_more(threat: Threat, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gradient, origin = rng.standard_normal((1, 9)), np.full((1, 9), 0.5)
    other = rng.standard_normal((1, 9))
    other /= np.abs(other).max() if isinstance(threat, Linf) else np.linalg.norm(other)
    assert (gradient * threat.ascend(gradient, origin)).sum() >= (gradient * other).sum() - 1e-12


@pytest.mark.parametrize("classes", [2, 3, 4, 7])
@pytest.mark.parametrize("name", ["cross-entropy", "margin", "ratio-1", "ratio-2"])
def test_the_slope_of_a_loss_is_its_derivative(name: str, classes: int) -> None:
    rng = np.random.default_rng(classes)
    scores, actual = rng.standard_normal((50, classes)), rng.integers(0, classes, 50)
    losses: dict[str, Loss] = {
        "cross-entropy": cross_entropy,
        "margin": margin_loss,
        "ratio-1": TargetedRatio(ranked(scores, actual, 1)),
        "ratio-2": TargetedRatio(ranked(scores, actual, classes - 1)),
    }
    loss = losses[name]
    _, slope = loss(scores, actual)
    step = 1e-6
    for column in range(classes):
        moved = np.zeros_like(scores)
        moved[:, column] = step
        rise = (loss(scores + moved, actual)[0] - loss(scores - moved, actual)[0]) / (2 * step)
        assert slope[:, column] == pytest.approx(rise, abs=1e-4)


@given(seed=seeds)
def test_the_margin_is_positive_exactly_where_the_answer_is_wrong(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, actual = rng.standard_normal((20, 4)), rng.integers(0, 4, 20)
    assert ((margin(scores, actual) > 0) == (scores.argmax(axis=1) != actual)).all()


def test_the_ratio_does_not_depend_on_the_scale_of_the_scores() -> None:
    rng = np.random.default_rng(3)
    scores, actual = rng.standard_normal((20, 5)), rng.integers(0, 5, 20)
    loss = TargetedRatio(ranked(scores, actual, 1))
    assert loss(1000 * scores, actual)[0] == pytest.approx(loss(scores, actual)[0])


def test_a_loss_of_some_rows_is_that_of_all_for_them() -> None:
    rng = np.random.default_rng(3)
    scores, actual = rng.standard_normal((20, 5)), rng.integers(0, 5, 20)
    places = np.array([3, 7, 11])
    loss = TargetedRatio(ranked(scores, actual, 2))
    value, slope = among(loss, places)(scores[places], actual[places])
    assert value.tolist() == loss(scores, actual)[0][places].tolist()
    assert slope.tolist() == loss(scores, actual)[1][places].tolist()
