"""Classifiers whose scores flatter them: ties in a lucky order, classes the wrong way round, half the people unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.assessor import Subject
from seatrial.trial.self_test.case import Case, case
from seatrial.trial.self_test.draws import seed_of
from seatrial.trial.self_test.stated_answers import Floats, classified, scored
from seatrial.verdicts.policy import Requirement

_ROWS = 3000
_CLASSES = ("a", "b", "c")
RANKED = Requirement("roc_auc", at_least=0.75)
RARE = 0.05  # of the rows are yes where yes is rare


def cases(draw: int = 0) -> Iterator[Case]:
    """Every planted set of scores."""
    precise = Requirement("average_precision", at_least=0.6)
    balanced = Requirement("balanced_accuracy", at_least=0.6)
    calibrated = Requirement("calibration_error", at_most=0.1)
    yield case("scores that rank, with many ties", lambda: scored(_rounded(_chance(draw)), _yes(draw)), RANKED, precise)
    yield _bad("one score for all, in rows that lie in the labels' order", lambda: _sorted_ties(draw), precise)
    yield _bad("the same for the area under the curve", lambda: _sorted_ties(draw), RANKED)
    yield _bad(
        "probabilities of the classes in the wrong order",
        lambda: _inverted(draw),
        Requirement("accuracy", at_least=0.6),
        RANKED,
    )
    yield case("a rare class that is found", lambda: _rare(draw, recall=0.8), balanced)
    yield _bad(
        "a rare class that is never answered",
        lambda: _rare(draw, recall=0.0),
        Requirement("accuracy", at_least=0.9),
        balanced,
    )
    yield _bad("right by answering almost nobody", lambda: _rare(draw, recall=0.1),
               Requirement("precision", at_least=0.6), Requirement("true_positive_rate", at_least=0.5))  # fmt: skip
    yield case("as sure as it is right", lambda: scored(_chance(draw), _yes(draw), sex=_women(draw)), calibrated)
    yield _bad("calibrated for everybody together, and for no group", lambda: _offset(draw),
               calibrated, Requirement("calibration_error", by="sex", at_most=0.1))  # fmt: skip
    yield _bad("too shy by half", lambda: scored(0.5 + 0.2 * (_chance(draw) - 0.5), _yes(draw)), RANKED, calibrated)
    yield _bad("right for the people it has seen before", lambda: _seen_before(draw),
               Requirement("accuracy", at_least=0.7), Requirement("accuracy", by="known", at_least=0.7))  # fmt: skip
    yield _bad("equal rates by guessing for women", lambda: _guessing(draw),
               Requirement("selection_rate", gap_between="sex", at_most=0.12),
               Requirement("accuracy", by="sex", at_least=0.65))  # fmt: skip
    yield case(
        "three classes, each answered", lambda: _three(draw, lost=False), Requirement("balanced_accuracy", at_least=0.7)
    )
    yield _bad("three classes, one of them never answered", lambda: _three(draw, lost=True),
               Requirement("accuracy", at_least=0.5), Requirement("balanced_accuracy", at_least=0.7))  # fmt: skip
    weighted = Requirement("accuracy", at_least=0.7)
    yield case("right whatever a row weighs", lambda: _weighted(draw, wrong_where_heavy=False), weighted)
    yield _bad(
        "wrong for the rows that stand for most people", lambda: _weighted(draw, wrong_where_heavy=True), weighted
    )


def _bad(name: str, make: Callable[[], Subject], *require: Requirement) -> Case:
    """The last requirement has to catch it."""
    return case(name, make, *require, caught_by=len(require) - 1)


def _chance(draw: int) -> Floats:
    return np.random.default_rng(seed_of(11, draw)).beta(0.7, 0.7, _ROWS)


def _yes(draw: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed_of(12, draw)).random(_ROWS) < _chance(draw)


def _women(draw: int) -> NDArray[np.object_]:
    return np.where(np.random.default_rng(seed_of(13, draw)).random(_ROWS) < 1 / 2, "Female", "Male").astype(object)


def _rounded(chance: Floats) -> Floats:
    return np.round(chance * 8) / 8


def _sorted_ties(draw: int) -> Subject:
    """Whoever sorts by score and keeps the order of equal ones sees a perfect ranking."""
    yes = np.sort(_yes(draw))[::-1]
    return scored(np.full(_ROWS, 0.4), yes)


def _inverted(draw: int) -> Subject:
    """The labels are right; their probabilities stand in each other's columns."""
    chance = _chance(draw)
    return scored(1 - chance, _yes(draw), labels=list(np.where(chance >= 0.5, "yes", "no")))


def _rare(draw: int, *, recall: float) -> Subject:
    rng = np.random.default_rng(seed_of(14, draw))
    yes = rng.random(_ROWS) < RARE
    answered = yes & (rng.random(_ROWS) < recall)
    return scored(np.where(answered, 0.9, 0.02), yes)


def _offset(draw: int) -> Subject:
    """Women's chances are stated too high, men's too low, by as much."""
    chance, women = _chance(draw), _women(draw)
    return scored(np.clip(chance + np.where(women == "Female", 0.25, -0.25), 0, 1), _yes(draw), sex=women)


def _seen_before(draw: int) -> Subject:
    rng = np.random.default_rng(seed_of(15, draw))
    yes, in_training = _yes(draw), rng.random(_ROWS) < 0.7
    answered = np.where(in_training, yes, rng.random(_ROWS) < 1 / 2)
    return scored(np.where(answered, 0.9, 0.1), yes, known=np.where(in_training, "seen", "new").astype(object))


def _guessing(draw: int) -> Subject:
    rng = np.random.default_rng(seed_of(16, draw))
    yes, women = _yes(draw), _women(draw)
    guessed = rng.random(_ROWS) < yes.mean()
    answered = np.where(women == "Female", guessed, yes ^ (rng.random(_ROWS) < 0.1))
    return scored(np.where(answered, 0.9, 0.1), yes, sex=women)


def _three(draw: int, *, lost: bool) -> Subject:
    rng = np.random.default_rng(seed_of(17, draw))
    actual = rng.choice(3, _ROWS, p=[0.45, 0.45, 0.1]).astype(np.int64)
    answered = np.where(rng.random(_ROWS) < 0.85, actual, (actual + 1) % 2)
    if lost:
        answered = np.where(answered == 2, 0, answered)
    return classified(np.eye(3)[answered] * 0.7 + 0.1, actual, _CLASSES)


def _weighted(draw: int, *, wrong_where_heavy: bool) -> Subject:
    rng = np.random.default_rng(seed_of(18, draw))
    yes, heavy = _yes(draw), rng.random(_ROWS) < 0.2
    wrong = heavy if wrong_where_heavy else rng.random(_ROWS) < 0.1
    return scored(np.where(yes ^ wrong, 0.9, 0.1), yes, weight=np.where(heavy, 8.0, 1.0))
