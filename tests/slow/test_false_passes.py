"""What a verdict promises, simulated: how often a bad model passes over many requirements and many uses."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.bounds.differences import difference_bounds
from seatrial.verdicts.bounds.interval import Interval, simultaneous_confidence
from seatrial.verdicts.bounds.proportions import clopper_pearson, proportion
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.judge import Outcome, Verdict, judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

pytestmark = pytest.mark.slow

ROWS = 2_000
BAR = 0.8
ACCURATE = Requirement("accuracy", at_least=BAR)
GAP = Requirement("true_positive_rate", at_most=0.1, gap_between="sex")
IMPROBABLE = 1e-3


def _judge(policy: Policy, use: int, found: dict[Claim, tuple[Interval, ...]]) -> Verdict:
    confidence = confidence_for_use(policy.confidence, use)
    evidence = tuple(
        Evidence(claim, f"slice {index}", item.estimate, item.low, item.high, confidence, ROWS, item.method)
        for claim, items in found.items()
        for index, item in enumerate(items)
    )
    return judge(policy, Trial("m", "p", "test", confidence, 0, evidence, (), TestUse("d", ROWS, use)))


def _accuracies(confidence: float) -> tuple[Interval, ...]:
    """The interval of each possible count, once for a whole simulation."""
    low, high = clopper_pearson(np.arange(ROWS + 1), ROWS, confidence=confidence)
    return tuple(
        Interval(count / ROWS, float(low[count]), float(high[count]), "clopper-pearson") for count in range(ROWS + 1)
    )


def _assert_at_most(passes: int, trials: int, rate: float) -> None:
    probability = float(binom.sf(passes - 1, trials, rate))
    assert probability > IMPROBABLE, f"{passes} of {trials} passed, at most {rate:.0%} should"


def test_a_bad_model_tried_again_and_again_passes_at_most_five_times_in_a_hundred() -> None:
    """Each candidate is new, all just miss the bar, all are tried on the same rows; the search ends at the first pass.

    The rows are shared, so the uses are dependent: half of what a model gets right is common to all.
    """
    policy, uses, trials = Policy(0.95, (ACCURATE,)), 15, 1_500
    tables = [_accuracies(confidence_for_use(0.95, use)) for use in range(1, uses + 1)]
    random, passes = np.random.default_rng(11), 0
    for _ in range(trials):
        easy = int(random.binomial(ROWS, BAR / 2))  # rows that every candidate gets right
        rest = (BAR - 1e-9 - BAR / 2) / (1 - BAR / 2)
        for use, table in enumerate(tables, start=1):
            count = easy + int(random.binomial(ROWS - easy, rest))
            if _judge(policy, use, {ACCURATE.claim: (table[count],)}).passed:
                passes += 1
                break
    _assert_at_most(passes, trials, 0.05)
    assert passes > 0  # the bar is that near, so the bound is put to the test


def test_without_counting_uses_the_same_search_passes_far_too_often() -> None:
    table, random, passes = _accuracies(0.95), np.random.default_rng(11), 0
    for _ in range(500):
        counts = random.binomial(ROWS, BAR, 15)
        passes += any(table[count].low >= BAR for count in counts)
    assert passes / 500 > 0.3


def _gaps(positives: NDArray[np.int64], sizes: tuple[int, int], confidence: float) -> list[Interval]:
    """The interval of the difference in each of many trials at once."""
    low, high = difference_bounds((positives[:, 0], positives[:, 1]), sizes, confidence=confidence)
    share = positives / np.array(sizes)
    return [
        Interval(float(p - q), float(below), float(above), "fisher-clopper-pearson-difference")
        for (p, q), below, above in zip(share, low, high, strict=True)
    ]


@pytest.mark.parametrize(
    ("accuracy", "rates"),
    [
        (0.8 - 1e-9, (0.60, 0.60)),  # only the accuracy is bad
        (0.90, (0.70, 0.60 - 1e-9)),  # only the gap is
        (0.90, (0.60 - 1e-9, 0.70)),  # … and the other way
        (0.8 - 1e-9, (0.70, 0.60 - 1e-9)),  # both
    ],
)
def test_requirements_need_no_correction_between_them(accuracy: float, rates: tuple[float, float]) -> None:
    policy, trials, sizes = Policy(0.95, (ACCURATE, GAP)), 800, (300, 150)
    confidence = confidence_for_use(0.95, 1)
    table, random = _accuracies(confidence), np.random.default_rng(12)
    counts = random.binomial(ROWS, accuracy, trials)
    positives = np.stack([random.binomial(size, rate, trials) for size, rate in zip(sizes, rates, strict=True)], axis=1)
    passes = sum(
        _judge(policy, 1, {ACCURATE.claim: (table[count],), GAP.claim: (gap,)}).passed
        for count, gap in zip(counts, _gaps(positives, sizes, confidence), strict=True)
    )
    _assert_at_most(passes, trials, 1 - confidence)


def test_a_fair_model_of_five_groups_is_failed_at_most_as_often_as_the_confidence_allows() -> None:
    """The bounds of one claim hold together, so many pairs do not add up to a false fail."""
    sizes, trials = [800, 300, 120, 60, 20], 300
    none = Requirement("true_positive_rate", at_most=0.0, gap_between="race")
    policy, random = Policy(0.95, (none,)), np.random.default_rng(13)
    confidence = confidence_for_use(0.95, 1)
    counts = random.binomial(sizes, 0.6, (trials, len(sizes)))
    pairs = list(combinations(range(len(sizes)), 2))
    each = simultaneous_confidence(confidence, len(pairs))
    gaps = [_gaps(counts[:, [i, j]], (sizes[i], sizes[j]), each) for i, j in pairs]
    claim = Claim("true_positive_rate", Family.PAIRS, "race")
    verdicts = [_judge(policy, 1, {claim: tuple(gap[trial] for gap in gaps)}) for trial in range(trials)]
    fails = sum(verdict.outcome is Outcome.FAIL for verdict in verdicts)
    _assert_at_most(fails, trials, 2 * (1 - confidence))  # lows hold together, and so do highs: two chances to err


def test_steering_by_the_reported_estimates_defeats_the_count_of_uses() -> None:
    """The limit that the docs state: 59 coin-flip models, weighed by reported accuracy, make a 60th that passes."""
    random, uses = np.random.default_rng(14), 60
    labels = random.integers(0, 2, ROWS) * 2 - 1
    better = Requirement("accuracy", at_least=0.51)  # no model here is right more often than half the time
    policy = Policy(0.95, (better,))

    def verdict(answers: NDArray[np.int64], use: int) -> tuple[bool, float]:
        found = proportion(int((answers == labels).sum()), ROWS, confidence=confidence_for_use(0.95, use))
        return _judge(policy, use, {better.claim: (found,)}).passed, found.estimate

    votes, passed = np.zeros(ROWS), []
    for use in range(1, uses):
        coin = random.integers(0, 2, ROWS) * 2 - 1
        held, reported = verdict(coin, use)
        passed.append(held)
        votes += coin * (reported - 0.5)
    assert not any(passed)
    assert verdict(np.where(votes > 0, 1, -1), uses)[0]
