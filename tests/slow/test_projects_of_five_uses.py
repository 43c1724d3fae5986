"""2,000 projects that try five models each on the same test data: how often one passes that should not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

import seatrial
from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.bounds.differences import difference_bounds
from seatrial.verdicts.bounds.paired import paired_bounds
from seatrial.verdicts.bounds.proportions import clopper_pearson
from seatrial.verdicts.bounds.ratios import ratio_bounds
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

pytestmark = pytest.mark.slow

ALPHA, USES, PROJECTS = 0.05, 5, 2_000
POSITIVES, NEGATIVES = (300, 150), 1_550  # of women and of men, and of both
ROWS = sum(POSITIVES) + NEGATIVES
EASY = 0.5  # share of what a model gets right that every model of the project gets right: uses depend on each other
IMPROBABLE = 1e-3
BEYOND = 1e-9

ACCURATE = Requirement("accuracy", at_least=0.8)
GAP = Requirement("true_positive_rate", at_most=0.1, gap_between="sex")
RATIO = Requirement("true_positive_rate", at_least=0.8, ratio_between="sex")
NO_WORSE = Requirement("accuracy", no_worse_than="now", margin=0.02)
POLICY = Policy(1 - ALPHA, (ACCURATE, GAP, RATIO, NO_WORSE))


@dataclass(frozen=True)
class Population:
    """What all models of a project truly reach: one requirement is missed by a hair, the others hold with room."""

    rates: tuple[float, float] = (0.95, 0.95)  # true positives, of women and of men
    negatives: float = 0.95
    better: float = 0.06  # rows that only the model gets right
    worse: float = 0.02  # … and only the reference


def _negatives(rates: tuple[float, float], accuracy: float) -> float:
    return (accuracy * ROWS - rates[0] * POSITIVES[0] - rates[1] * POSITIVES[1]) / NEGATIVES


BAD = {
    ACCURATE: Population(negatives=_negatives((0.95, 0.95), 0.8 - BEYOND)),
    GAP: Population(rates=(0.95, 0.85 - BEYOND)),
    RATIO: Population(rates=(0.45, 0.45 * (0.8 - BEYOND))),  # a gap of 0.09
    NO_WORSE: Population(better=0.03, worse=0.05 + BEYOND),
}
Counts = NDArray[np.int64]


def _right(random: np.random.Generator, rows: int, rate: float, projects: int) -> Counts:
    """[projects, uses]: rows that each model gets right; those that are easy are the same for all of a project."""
    easy = random.binomial(rows, EASY * rate, projects)
    rest = (rate - EASY * rate) / (1 - EASY * rate)
    others = random.binomial((rows - easy)[:, None], rest, (projects, USES))
    found: Counts = easy[:, None] + others
    return found


def _evidence(
    hits: tuple[Counts, Counts], negatives: Counts, better: Counts, worse: Counts, confidence: float
) -> list[tuple[Evidence, ...]]:
    """The four claims of each project at one use, from its counts."""
    right = hits[0] + hits[1] + negatives
    bounds: dict[Requirement, tuple[NDArray[np.float64], ...]] = {
        ACCURATE: (right / ROWS, *clopper_pearson(right, ROWS, confidence=confidence)),
        GAP: (
            hits[0] / POSITIVES[0] - hits[1] / POSITIVES[1],
            *difference_bounds(hits, POSITIVES, confidence=confidence),
        ),
        RATIO: (
            hits[0] / POSITIVES[0] / (hits[1] / POSITIVES[1]),
            *ratio_bounds(hits, POSITIVES, confidence=confidence),
        ),
        NO_WORSE: ((better - worse) / ROWS, *paired_bounds(better, worse, ROWS, confidence=confidence)),
    }
    found = []
    for project in range(right.size):
        evidence = []
        for requirement, bound in bounds.items():
            estimate, low, high = (float(part[project]) for part in bound)
            evidence.append(Evidence(requirement.claim, "slice", estimate, low, high, confidence, ROWS, "counted"))
        found.append(tuple(evidence))
    return found


def _passed(population: Population, projects: int, seed: int, *, counted: bool = True) -> NDArray[np.bool_]:
    """For each project whether any of its five uses passed, by the judge; each as the first if none is counted."""
    random = np.random.default_rng(seed)
    hits = [_right(random, rows, rate, projects) for rows, rate in zip(POSITIVES, population.rates, strict=True)]
    negatives = _right(random, NEGATIVES, population.negatives, projects)
    better = random.binomial(ROWS, population.better, (projects, USES))
    worse = random.binomial(ROWS - better, population.worse / (1 - population.better))
    passed = np.zeros(projects, dtype=bool)
    for use in range(1, USES + 1):
        number = use if counted else 1
        confidence = confidence_for_use(POLICY.confidence, number)
        at = use - 1
        evidence = _evidence(
            (hits[0][:, at], hits[1][:, at]), negatives[:, at], better[:, at], worse[:, at], confidence
        )
        for project, found in enumerate(evidence):
            trial = Trial("m", "p", "test", confidence, 0, found, (), TestUse("d", ROWS, number))
            passed[project] |= judge(POLICY, trial).passed
    return passed


def test_of_2000_projects_no_more_than_alpha_pass_a_bad_model_in_five_uses() -> None:
    each = PROJECTS // len(BAD)
    passes = {
        requirement: int(_passed(population, each, seed).sum())
        for seed, (requirement, population) in enumerate(BAD.items())
    }
    for number in passes.values():
        assert binom.sf(number - 1, each, ALPHA) > IMPROBABLE, passes
    assert sum(passes.values()) <= ALPHA * PROJECTS, passes
    assert sum(passes.values()) > 0, passes  # the models are bad by a hair, so the promise is put to the test


def test_without_counting_uses_more_than_alpha_would_pass() -> None:
    """It sees what it is there to see: five uses, each judged as if it were the first."""
    passed = _passed(BAD[ACCURATE], 600, seed=0, counted=False)
    assert passed.mean() > 1.2 * ALPHA


def test_good_models_pass() -> None:
    assert _passed(Population(), 50, seed=9).mean() > 0.9


def _table(hits: tuple[int, int], negatives: int) -> pa.Table:
    """Rows with these counts; the answer is in a column, which the model reads."""
    sex = np.repeat(["Female", "Male", "Female", "Male"], [*POSITIVES, NEGATIVES // 2, NEGATIVES - NEGATIVES // 2])
    actual = np.arange(ROWS) < sum(POSITIVES)
    place = np.arange(ROWS)
    right = place < hits[0]
    right |= (place >= POSITIVES[0]) & (place < POSITIVES[0] + hits[1])
    right |= (place >= sum(POSITIVES)) & (place < sum(POSITIVES) + negatives)
    columns = {
        "answer": np.where(right, actual, ~actual).astype(np.float64),
        "noise": np.random.default_rng(3).random(ROWS),
        "sex": sex,
        "income": np.where(actual, "yes", "no"),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def test_the_whole_path_from_rows_measures_and_judges_as_the_counts_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three uses of one test set by `seatrial.assess`: the same bounds, confidences and verdicts."""
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / "state"))
    policy = tmp_path / "policy.toml"
    policy.write_text(
        "[policy]\nconfidence = 0.95\n"
        '[[policy.require]]\nmetric = "accuracy"\nat_least = 0.8\n'
        '[[policy.require]]\nmetric = "true_positive_rate"\ngap_between = "sex"\nat_most = 0.1\n'
        '[[policy.require]]\nmetric = "true_positive_rate"\nratio_between = "sex"\nat_least = 0.8\n'
    )
    table = _table((285, 141), 1_400)
    for use, flipped in enumerate((0.0, 0.04, 0.3), start=1):

        def model(rows: pa.Table, flipped: float = flipped) -> NDArray[np.float64]:
            answer = rows.column("answer").to_numpy()
            return np.where(rows.column("noise").to_numpy() < flipped, 1 - answer, answer) * 0.8 + 0.1

        found = seatrial.assess(
            model, table, label="income", positive="yes", groups="sex", inputs=["answer", "noise"], policy=policy
        )
        answered = model(table) > 0.5
        actual, women = np.arange(ROWS) < sum(POSITIVES), table.column("sex").to_numpy(zero_copy_only=False) == "Female"
        hits = tuple(np.array([int((answered & actual & group).sum())]) for group in (women, ~women))
        negatives = np.array([int((~answered & ~actual).sum())])
        confidence = confidence_for_use(0.95, use)
        zero = np.array([0])
        (counted,) = _evidence((hits[0], hits[1]), negatives, zero, zero, confidence)
        for expected in counted[:3]:
            (item,) = [item for item in found.trial.evidence if item.claim == expected.claim]
            assert item.confidence == pytest.approx(confidence)
            assert (item.estimate, item.low, item.high) == pytest.approx(
                (expected.estimate, expected.low, expected.high)
            )
        assert found.trial.test_use is not None
        assert found.trial.test_use.use == use
        judged = judge(
            Policy(0.95, POLICY.require[:3]),
            Trial("m", "p", "test", confidence, 0, counted[:3], (), TestUse("d", ROWS, use)),
        )
        assert found.outcome == judged.outcome
