"""All attacks in turn, each on what still stands: the worst case of every example.

Whatever finds an adversarial example, it counts only if the model that users get answers wrong for it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.black_box_attacks import noise, square
from seatrial.attacks.discrete_search import pair_search
from seatrial.attacks.exhaustive_search import MOST_QUERIES, SearchResult, allowed_changes, exhaustive_search
from seatrial.attacks.gradient_attacks import apgd, fgsm, minimum_norm, pgd
from seatrial.attacks.losses import Codes, TargetedRatio, cross_entropy, margin_loss, ranked
from seatrial.attacks.surrogate import Surrogate
from seatrial.attacks.table_threat import TableThreat
from seatrial.attacks.target_model import OutOfTime, TargetModel
from seatrial.attacks.threats import Rows, Threat
from seatrial.attacks.tree_search import TreeSearch, search_trees

UNBROKEN = -1  # the place of an example that no attack broke


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard each attack tries; the digest of these numbers is part of a claim's conditions."""

    draws: int = 20  # of noise
    iterations: int = 50  # of PGD
    restarts: int = 3
    apgd_iterations: int = 100  # as in AutoAttack's standard version
    targets: int = 9  # classes that the targeted attack tries, as there
    norm_iterations: int = 100
    queries: int = 1000  # of Square; AutoAttack has 5,000, for images of 3,072 inputs
    rounds: int = 8  # of the discrete search in tables: single changes in a row
    version: int = 2  # of the attacks themselves: raised when one changes

    @property
    def digest(self) -> str:
        """The first digits of the sha256 of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class SkippedAttack:
    """An attack that did not run, and why; `could_run`: on another day or machine it would have."""

    attack: str
    reason: str
    could_run: bool

    def is_of(self, tier: str) -> bool:
        """Whether the attack belongs to the tier: pgd-2 to pgd."""
        return is_of_tier(self.attack, tier)


def is_of_tier(attack: str, tier: str) -> bool:
    """Whether an attack belongs to a tier: pgd-2 to pgd."""
    return attack == tier or attack.startswith(f"{tier}-")


@dataclass(frozen=True, slots=True, eq=False)
class SuiteResult:
    """What came out. `broken_by` int64[n] is the place in `attacks` of the attack that broke an example, or `UNBROKEN`.

    `worst` float64[n, d] holds the adversarial example of those that broke, and the origin of the others; a row that
    the model answers wrong as it is was broken by attack 0, "clean".
    """

    broken_by: NDArray[np.int64]
    worst: Rows
    attacks: tuple[str, ...]
    skipped: tuple[SkippedAttack, ...]
    exact: NDArray[np.bool_]  # [n]: nothing is left to try, so what is unbroken is so for certain

    @property
    def unbroken(self) -> NDArray[np.bool_]:
        """The examples that nothing broke: bool[n]."""
        return np.asarray(self.broken_by == UNBROKEN)


Attack = Callable[[Rows, Codes], Rows | SearchResult | None]


def run_suite(
    target: TargetModel,
    origin: Rows,
    actual: Codes,
    threat: Threat,
    *,
    effort: Effort,
    shape: tuple[int, ...],
    seed: int,
    budget_s: float,
    tiers: Collection[str] = (),
    trees: TreeSearch | None = None,
    on_progress: Callable[[str, int], None] = lambda _attack, _standing: None,
) -> SuiteResult:
    """Runs every attack that this target allows, cheapest first.

    `on_progress` hears each attack's name and how many rows stand. With `tiers` the suite consists of these alone.
    `trees` is the model as trees, where it is one.
    What the time does not allow is skipped openly. Without gradients the black-box attacks run alone.
    """
    by = np.where(target.is_broken(origin, actual), 0, UNBROKEN).astype(np.int64)
    worst, run = origin.copy(), ["clean"]
    target.deadline = monotonic() + budget_s
    skipped: list[SkippedAttack] = []
    exact = np.zeros(len(origin), dtype=bool)
    for name, attack in _attacks(target, threat, effort, shape, seed, classes=_classes(target, origin), trees=trees):
        if tiers and not any(is_of_tier(name, tier) for tier in tiers):
            continue
        standing = np.flatnonzero((by == UNBROKEN) & ~exact)
        on_progress(name, int(standing.size))
        if attack is None:
            skipped.append(SkippedAttack(name, "the model has no gradients", could_run=False))
            continue
        if standing.size and monotonic() > target.deadline:
            skipped.append(SkippedAttack(name, f"the budget of {budget_s:g} s was spent", could_run=True))
            continue
        if not standing.size:  # nothing is left that more time could break
            run.append(name)
            continue
        try:
            result = attack(origin[standing], actual[standing])
        except OutOfTime:
            skipped.append(SkippedAttack(name, f"the budget of {budget_s:g} s was spent", could_run=True))
            continue
        if result is None:  # this model, or this threat, has no exact answer
            continue
        run.append(name)
        if isinstance(result, SearchResult):
            exact[standing] = result.certain
            result = result.worst
        deadline, target.deadline = target.deadline, math.inf  # what was found in time counts, however late it is
        broken = target.is_broken(result, actual[standing])
        target.deadline = deadline
        places = standing[broken]
        by[places], worst[places] = len(run) - 1, result[broken]
    target.deadline = math.inf
    return SuiteResult(by, worst, tuple(run), tuple(skipped), exact)


def _classes(target: TargetModel, origin: Rows) -> int:
    return int(target.black_box(origin[:1]).shape[1]) if len(origin) else 1 + 1  # whatever the time


def _attacks(
    target: TargetModel,
    threat: Threat,
    effort: Effort,
    shape: tuple[int, ...],
    seed: int,
    *,
    classes: int,
    trees: TreeSearch | None,
) -> Iterator[tuple[str, Attack | None]]:
    """Every attack by name; None for one that needs gradients which this target has not."""

    def rng(place: int) -> np.random.Generator:
        return np.random.default_rng([seed, place])

    yield "noise", partial(noise, target, threat=threat, draws=effort.draws, rng=rng(0))
    for name, attack in _white(target, threat, effort, rng, classes=classes):
        yield name, None if target.white_box is None else attack
    if isinstance(threat, TableThreat):
        yield "discrete", partial(pair_search, target, threat=threat, rounds=effort.rounds, rng=rng(1))
        yield "discrete-exact", partial(_exact, target, threat=threat, trees=trees, rng=rng(4))
    else:
        yield "square", partial(square, target, threat=threat, queries=effort.queries, shape=shape, rng=rng(1))
    yield "transfer", partial(_transfer, target, threat=threat, effort=effort, seed=seed, rng=rng(2))


def _white(
    target: TargetModel, threat: Threat, effort: Effort, rng: Callable[[int], np.random.Generator], *, classes: int
) -> Iterator[tuple[str, Attack]]:
    yield "fgsm", partial(fgsm, target, threat=threat)
    climbs = cycle((cross_entropy, margin_loss))
    for restart, loss in zip(range(effort.restarts), climbs, strict=False):
        start = None if restart == 0 else rng(10 + restart)  # the first from the origin itself
        climb = partial(pgd, target, threat=threat, iterations=effort.iterations, rng=start, loss=loss)
        yield f"pgd-{restart + 1}", climb
    if isinstance(threat, TableThreat):  # the others take steps that a table's whole numbers swallow
        return
    auto = partial(apgd, target, threat=threat, iterations=effort.apgd_iterations)
    yield "apgd-ce", partial(auto, rng=rng(3), loss=cross_entropy)
    for rank in range(1, min(effort.targets, classes - 1) + 1):
        yield f"apgd-t{rank}", partial(_targeted, auto, target, rank=rank, rng=rng(20 + rank))
    yield (
        "minimum-norm",
        partial(minimum_norm, target, threat=threat, iterations=effort.norm_iterations, loss=margin_loss),
    )


def _exact(
    target: TargetModel,
    origin: Rows,
    actual: Codes,
    threat: TableThreat,
    *,
    trees: TreeSearch | None,
    rng: np.random.Generator,
) -> SearchResult | None:
    """The exact answer where it can be had: every change where these are few, else branch and bound over trees."""
    changes = allowed_changes(threat, origin)
    if changes is not None and len(changes) * len(origin) <= MOST_QUERIES:
        return exhaustive_search(target, origin, actual, threat, changes=changes, rng=rng)
    return None if trees is None else search_trees(target, origin, actual, threat, search=trees)


def _targeted(
    auto: Callable[..., Rows], target: TargetModel, origin: Rows, actual: Codes, *, rank: int, rng: np.random.Generator
) -> Rows:
    """APGD towards the class that is `rank`-th best for the origin."""
    scores, _, _ = target.loss_and_gradient(origin, actual, margin_loss)
    return auto(origin, actual, rng=rng, loss=TargetedRatio(ranked(scores, actual, rank)))


def _transfer(
    target: TargetModel,
    origin: Rows,
    actual: Codes,
    threat: Threat,
    *,
    effort: Effort,
    seed: int,
    rng: np.random.Generator,
) -> Rows:
    """PGD on a surrogate fitted to the target's answers around these examples, in rounds: it learns where it erred."""
    around = np.concatenate([origin, *(threat.start(origin, rng) for _ in range(_AROUND))])
    examples = origin
    for _ in range(_ROUNDS):
        surrogate = Surrogate(around, target.scores(around), seed=seed)
        stand_in = TargetModel(target.black_box, surrogate)
        examples = pgd(stand_in, origin, actual, threat, iterations=effort.iterations, rng=None, loss=margin_loss)
        around = np.concatenate([around, examples])
    return examples


_AROUND = 3  # random allowed examples of each origin that the surrogate learns from
_ROUNDS = 3
