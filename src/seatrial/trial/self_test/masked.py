"""Classifiers of points whose robustness is known: honest ones, and those whose gradients are masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from seatrial.assessors.assessor import Subject
from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.attacks.losses import Floats
from seatrial.attacks.threats import Linf, Rows
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.trial.self_test.case import Case, case
from seatrial.trial.self_test.draws import seed_of
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
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy.threat import ThreatModel

INPUTS = tuple(f"x{place}" for place in range(12))
CLASSES = ("a", "b", "c")
SIGNATURE = Signature(tuple(Column(name, "number") for name in INPUTS), "multiclass", CLASSES)
BUDGET = 0.12
POLICY = Policy(threat={"pixels": ThreatModel("linf", BUDGET, 0.0, 1.0)})
ROBUST = Requirement("robust_accuracy", at_least=0.65, threat="pixels")
ACCURATE = Requirement("accuracy", at_least=0.75)
_TRAIN_ROWS, _TEST_ROWS = 1200, 400


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model of points as a `Predictor` of rows."""

    model: Model
    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        points = np.column_stack([rows.column(name).to_numpy() for name in INPUTS])
        probabilities = np.exp(self.model.ask(points))
        return Predictions(np.array(CLASSES, object)[probabilities.argmax(axis=1)], probabilities)


class Swapped(Network):
    """Answers are those of another network than the one that gives the gradients: its weights were swapped."""

    def ask(self, rows: Rows) -> Floats:
        """The plain network's answers."""
        return _plain().ask(rows)


def cases(draw: int = 0) -> Iterator[Case]:
    """Every planted classifier of points."""
    yield case("an honestly robust model", lambda: _subject(_robust(), draw), ACCURATE, ROBUST, policy=POLICY)
    yield _bad("a plain model, accurate and not robust", _plain, draw)
    # It falls to the attacks that go on, or to Square after them, which is a doubt.
    yield _bad("robust to a single step only", lambda: Rippled(_plain()), draw, either=True)
    yield _bad("gradients masked by rounding", lambda: Quantised(_plain()), draw, flag="zero-gradients")
    yield _bad("gradients masked by a saturated softmax", lambda: Saturated(_plain()), draw, flag="saturated-softmax")
    yield _bad("gradients masked by noise", lambda: _noisy(draw), draw, flag="randomised-answers")
    yield _bad("a first layer without derivatives", lambda: TableLookup(_plain()), draw, flag="constant-gradients")
    yield _bad("swapped weights", _swapped, draw, flag="other-answers")
    for name, seed in (("a black box whose logits are multiplied by a million", 1), ("the same of another network", 9)):
        yield _bad(name, lambda seed=seed: _loud(seed), draw, flag="saturated-answers", black_box=True)  # type: ignore[misc]


def _bad(
    name: str,
    make: Callable[[], Model],
    draw: int,
    *,
    flag: str | None = None,
    either: bool = False,
    black_box: bool = False,
) -> Case:
    return case(
        name,
        lambda: _subject(make(), draw, black_box=black_box),
        ACCURATE,
        ROBUST,
        caught_by=1,
        flag=flag,
        policy=POLICY,
        either=either,
    )


def _subject(model: Model, draw: int, *, black_box: bool = False) -> Subject:
    points, actual = blobs(_TEST_ROWS, seed=seed_of(2, draw))
    columns = {name: pa.array(points[:, place]) for place, name in enumerate(INPUTS)}
    table = pa.table({**columns, "y": pa.array(np.array(CLASSES, object)[actual])})
    predictor = Packaged(model)
    under = UnderAttack(
        predictor, table, table.num_rows, POLICY.threat, differentiated=None if black_box else lambda _space: model
    )
    return Subject(predictor, {"test": table}, "y", "multiclass", under_attack=under)


def _loud(seed: int) -> Saturated:
    """Probabilities of 0 and 1 only: a search by answers alone sees no way to go."""
    return Saturated(fitted(*blobs(_TRAIN_ROWS, seed=1), seed=seed), factor=1e6)


def _noisy(draw: int) -> Randomised:
    return Randomised(_robust(), np.random.default_rng(seed_of(5, draw)), 0.05)


@cache
def _plain() -> Network:
    return fitted(*blobs(_TRAIN_ROWS, seed=1), seed=1)


@cache
def _robust() -> Network:
    return fitted(*blobs(_TRAIN_ROWS, seed=1), seed=1, threat=Linf(BUDGET, 0.0, 1.0))


def _swapped() -> Swapped:
    network = fitted(*blobs(_TRAIN_ROWS, seed=1), seed=9)
    order = np.random.default_rng(3).permutation(len(INPUTS))
    return Swapped(network.first[order], network.shift, network.second, network.level)
