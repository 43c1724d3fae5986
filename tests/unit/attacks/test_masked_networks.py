"""Attacks on models whose weakness is known: the broken ones break or are doubted, the good ones stand undoubted."""

from functools import cache

import numpy as np
import pytest

from seatrial.attacks.gradient_attacks import apgd, fgsm, minimum_norm, pgd
from seatrial.attacks.gradient_masking import diagnose
from seatrial.attacks.losses import TargetedRatio, cross_entropy, margin_loss, ranked
from seatrial.attacks.suite import Effort, SkippedAttack, SuiteResult, run_suite
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import L0, L2, Linf, Threat
from seatrial.trial.self_test.networks import (
    Model,
    Network,
    Quantised,
    Randomised,
    Rippled,
    Saturated,
    TableLookup,
    blobs,
    fitted,
)

pytestmark = pytest.mark.simulation

THREAT = Linf(0.12, 0.0, 1.0)
TRAIN, TEST = blobs(1200, seed=1), blobs(400, seed=2)


@cache
def plain() -> Network:
    return fitted(*TRAIN, seed=1)


@cache
def robust() -> Network:
    return fitted(*TRAIN, seed=1, threat=THREAT)


def attacked(model: Model, threat: Threat = THREAT, *, white: bool = True) -> tuple[TargetModel, SuiteResult]:
    target = TargetModel(model.ask, model if white else None)
    return target, run_suite(target, *TEST, threat, effort=Effort(), shape=(12,), seed=1, budget_s=60)


def codes(model: Model) -> set[str]:
    target, found = attacked(model)
    return {doubt.code for doubt in diagnose(target, *TEST, THREAT, found, effort=Effort(), seed=1)}


def test_robust_training_moves_the_worst_case_and_not_the_plain_accuracy() -> None:
    clean = {
        name: 1 - TargetModel(model.ask).is_broken(*TEST).mean()
        for name, model in (("plain", plain()), ("robust", robust()))
    }
    stands = {name: attacked(model)[1].unbroken.mean() for name, model in (("plain", plain()), ("robust", robust()))}
    assert min(clean.values()) > 0.97
    assert stands["plain"] < 0.6
    assert stands["robust"] > 0.8


@pytest.mark.parametrize("model", [plain, robust], ids=["plain", "robust"])
def test_an_honest_network_is_not_doubted(model: object) -> None:
    assert codes(model()) == set()  # type: ignore[operator]  # a cached function


@pytest.mark.parametrize(
    ("mask", "sign"),
    [
        (lambda: Quantised(plain()), "zero-gradients"),
        (lambda: Saturated(plain()), "saturated-softmax"),
        (lambda: Randomised(plain(), np.random.default_rng(5)), "randomised-answers"),
        (lambda: TableLookup(plain()), "constant-gradients"),
    ],
    ids=["quantised", "saturated", "randomised", "table lookup"],
)
def test_a_masked_gradient_is_seen_through(mask: object, sign: str) -> None:
    assert sign in codes(mask())  # type: ignore[operator]  # a lambda


def test_a_model_that_withstands_a_single_step_falls_to_the_suite() -> None:
    model = Rippled(plain())
    target, found = attacked(model)
    after_one_step = 1 - target.is_broken(fgsm(target, *TEST, THREAT), TEST[1]).mean()
    assert after_one_step > 0.95
    assert found.unbroken.mean() < 0.5


def test_gradients_of_another_module_than_answers_are_foreign() -> None:
    class Swapped(Network):
        def ask(self, rows: np.ndarray) -> np.ndarray:
            return plain().ask(rows)

    other = fitted(*TRAIN, seed=9)
    order = np.random.default_rng(3).permutation(12)
    model = Swapped(other.first[order], other.shift, other.second, other.level)
    assert "foreign-gradients" in codes(model)


def test_the_worst_examples_are_allowed_and_answered_wrong() -> None:
    target, found = attacked(plain())
    rows, actual = TEST
    assert THREAT.confine(found.worst, rows) == pytest.approx(found.worst, abs=1e-12)
    assert (target.is_broken(found.worst, actual) == ~found.unbroken).all()


@pytest.mark.parametrize("threat", [THREAT, L2(0.35, 0.0, 1.0), L0(2, 0.0, 1.0)], ids=["linf", "l2", "l0"])
def test_each_attack_beats_noise_and_the_suite_beats_each(threat: Threat) -> None:
    target, found = attacked(plain(), threat)
    rows, actual = TEST
    rng = np.random.default_rng(1)
    alone = {
        "pgd": pgd(target, rows, actual, threat, iterations=40, rng=rng, loss=margin_loss),
        "apgd": apgd(target, rows, actual, threat, iterations=50, rng=rng, loss=cross_entropy),
        "targeted": apgd(
            target,
            rows,
            actual,
            threat,
            iterations=50,
            rng=rng,
            loss=TargetedRatio(ranked(plain().ask(rows), actual, 1)),
        ),
        "minimum norm": minimum_norm(target, rows, actual, threat, iterations=60, loss=margin_loss),
    }
    left = {name: 1 - target.is_broken(worst, actual).mean() for name, worst in alone.items()}
    noise = found.attacks.index("noise")
    if not isinstance(threat, L0):  # few inputs at the ends of their range is what an L0 attack draws anyway
        assert max(left.values()) < 1 - np.isin(found.broken_by, range(noise + 1)).mean()
    assert found.unbroken.mean() <= min(left.values()) + 0.005  # two rows: the suite leaves out rows that are broken


def test_without_gradients_the_black_box_attacks_run_alone_and_it_says_so() -> None:
    _, found = attacked(plain(), white=False)
    assert found.attacks == ("clean", "noise", "square", "transfer")
    assert SkippedAttack("fgsm", "the model has no gradients", could_run=False) in found.skipped
    assert found.unbroken.mean() < 0.65


def test_what_the_time_does_not_allow_is_left_out_openly() -> None:
    target = TargetModel(plain().ask, plain())
    found = run_suite(target, *TEST, THREAT, effort=Effort(), shape=(12,), seed=1, budget_s=0.0)
    assert found.attacks == ("clean",)
    assert SkippedAttack("apgd-ce", "the budget of 0 s was spent", could_run=True) in found.skipped


def test_the_same_seed_finds_the_same_examples() -> None:
    one, other = attacked(plain())[1], attacked(plain())[1]
    assert (one.worst == other.worst).all()
    assert (one.broken_by == other.broken_by).all()
