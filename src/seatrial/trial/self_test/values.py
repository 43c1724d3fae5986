"""Regressions whose faults are known: other units, another quantile, intervals too narrow, nothing but the middle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seatrial.assessors.assessor import Subject
from seatrial.trial.self_test.case import Case, case
from seatrial.trial.self_test.draws import seed_of
from seatrial.trial.self_test.stated_answers import Floats, valued
from seatrial.verdicts.policy import Policy, Requirement

_ROWS = 2000
_NOISE = 1.0  # standard deviation of the label around what an honest model answers
_HIGH = 0.9  # the quantile
_Z_90, _Z_HIGH = 1.645, 1.2816  # of the normal distribution: 90 % lie within 1.645, and 90 % below 1.2816
_CENTS = 100.0
_LARGEST = 30.0  # the largest error that counts in full
_LARGEST_SQUARED = 6.0  # … of errors that are squared: a bound is the wider the larger this is


def cases(draw: int = 0) -> Iterator[Case]:
    """Every planted regression."""
    close, explains = Requirement("clipped_mae", at_most=1.0), Requirement("clipped_rmse", at_most=1.2)
    errors, squares = Policy(clip=_LARGEST), Policy(clip=_LARGEST_SQUARED)
    pinball, quantile = Requirement("clipped_quantile_loss", at_most=0.25), Policy(quantile=_HIGH, clip=_LARGEST)
    covers = Requirement("interval_coverage", at_least=0.86)
    plain = Requirement("mae", at_most=1.0), Requirement("r2", at_least=0.3)
    yield case("a regression as good as can be", lambda: valued(_middle(draw), _actual(draw)), close, policy=errors)
    yield case("a regression as good as can be, by its squares", lambda: valued(_middle(draw), _actual(draw)), explains,
               policy=squares)  # fmt: skip
    # It errs by a million in one row of 10,000, and none of these was drawn: nothing here can tell it from the last.
    yield case("a wild answer that was not drawn", lambda: valued(_middle(draw), _actual(draw)), *plain,
               caught_by=0, either=True)  # fmt: skip
    yield case(
        "answers in cents", lambda: valued(_middle(draw) * _CENTS, _actual(draw)), close, caught_by=0, policy=errors
    )
    yield case("one row in fifty in cents", lambda: _some_in_cents(draw), close, caught_by=0, policy=errors)
    yield case("the mean for everybody", lambda: valued(np.full(_ROWS, 10.0), _actual(draw)), explains,
               caught_by=0, policy=squares)  # fmt: skip
    yield case("a quantile", lambda: valued(_middle(draw) + _Z_HIGH * _NOISE, _actual(draw)), pinball, policy=quantile)
    yield case("a mean that is called a quantile", lambda: valued(_middle(draw), _actual(draw)), pinball,
               caught_by=0, policy=quantile)  # fmt: skip
    yield case("intervals that hold nine of ten", lambda: _intervals(_Z_90, draw), covers)
    yield case("intervals that are too narrow", lambda: _intervals(_Z_90 / 2, draw), covers, caught_by=0)


def _middle(draw: int) -> Floats:
    return 10 + np.random.default_rng(seed_of(21, draw)).normal(size=_ROWS)


def _actual(draw: int) -> Floats:
    return _middle(draw) + _NOISE * np.random.default_rng(seed_of(22, draw)).normal(size=_ROWS)


def _some_in_cents(draw: int) -> Subject:
    values = _middle(draw)
    values[::50] *= _CENTS
    return valued(values, _actual(draw))


def _intervals(width: float, draw: int) -> Subject:
    middle = _middle(draw)
    return valued(middle, _actual(draw), interval=np.column_stack([middle - width * _NOISE, middle + width * _NOISE]))
