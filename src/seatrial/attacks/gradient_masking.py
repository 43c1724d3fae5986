"""The evaluation distrusts itself: signs that attacks failed for another reason than a robust model.

After Carlini et al. (2019), "On evaluating adversarial robustness", sections 4 and 5, and the flags of AutoAttack
(Croce & Hein 2020). Each sign is looked for on a sample of rows, and makes the claim inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.gradient_attacks import fgsm, pgd
from seatrial.attacks.losses import Codes, Floats, Loss, cross_entropy, margin, margin_loss
from seatrial.attacks.suite import Effort, SuiteResult, is_of_tier
from seatrial.attacks.table_threat import TableThreat
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import L0, L2, Linf, Rows, Threat

SAMPLE = 256  # rows that each sign is looked for on
FEW, SHARE = 3, 0.01  # rows that a sign must show on at least, and their share: less is chance
_MORE = 4  # times the iterations of the suite
_SURE = 0.01  # of a sign test
_NUDGE = 0.02  # of the radius: small beside what an attack moves, large beside float32's rounding
_SILENT = -103.0  # log of a probability below the smallest float32: all that is left of it is 0
_APART = 0.5  # relative error of a slope, at the median, from which it is not that of the answers


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One sign: a code that stays, and what was seen."""

    code: str
    detail: str


def diagnose(
    target: TargetModel,
    origin: Rows,
    actual: Codes,
    threat: Threat,
    attacked: SuiteResult,
    *,
    effort: Effort,
    seed: int,
    bounded_inputs: bool = True,
) -> tuple[Diagnostic, ...]:
    """Every sign that was found; about gradients only where there are some.

    `bounded_inputs`: every input can be changed within its range, so nothing may survive where there is no budget.
    """
    right = np.flatnonzero(attacked.broken_by != 0)[:SAMPLE]
    rows, truth = origin[right], actual[right]
    if not right.size:
        return ()
    looks: list[Callable[[], Diagnostic | None]] = [lambda: _randomised(target, rows)]
    if target.white_box is None:
        looks.append(lambda: _silent(target, origin, attacked))
    else:
        looks += [
            lambda: _other_answers(target, rows),
            lambda: _flat(target, rows, truth),
            lambda: _saturated(target, rows, truth),
            lambda: _constant(target, rows, truth),
            lambda: _not_its_own(target, rows, truth, threat),
            lambda: _single_step(target, rows, truth, threat, effort, seed),
            lambda: black_box_stronger(attacked, origin, threat),
            lambda: _not_done(target, origin, actual, threat, attacked, effort, seed),
        ]
        if bounded_inputs:
            looks.append(lambda: _unbounded(target, rows, truth, threat, effort, seed))
    return tuple(diagnostic for look in looks if (diagnostic := look()) is not None)


def _many(count: int, rows: int) -> bool:
    return count >= FEW and count >= SHARE * rows


def _randomised(target: TargetModel, rows: Rows) -> Diagnostic | None:
    changed = (target.scores(rows) != target.scores(rows)).any(axis=1).sum()
    if not changed:
        return None
    return Diagnostic(
        "randomised-answers", f"asked twice, the model answered {changed} of {len(rows)} rows differently"
    )


def _silent(target: TargetModel, origin: Rows, attacked: SuiteResult) -> Diagnostic | None:
    """Whether answers tell a search by answers alone where to go: a probability of 0 stays 0 wherever it steps.

    As with logits multiplied by a million (Athalye, Carlini & Wagner 2018, section 5, from the inside): the scale is
    lost in the answers, and nothing brings it back.
    """
    standing = np.flatnonzero(attacked.unbroken & ~attacked.exact)[:SAMPLE]
    if not standing.size:
        return None
    scores = target.scores(origin[standing])
    second = np.partition(scores, -2, axis=1)[:, -2]
    silent = int((second < _SILENT).sum())
    if not _many(silent, len(standing)):
        return None
    return Diagnostic(
        "saturated-answers",
        f"the probabilities of {silent} of {len(standing)} rows are 0 and 1: no search by answers sees where to go",
    )


def _other_answers(target: TargetModel, rows: Rows) -> Diagnostic | None:
    """Whether the module that gives the gradients answers as the model does."""
    if target.white_box is None:
        return None
    scores, _ = target.white_box.scores_and_gradient(rows, np.zeros_like)
    apart = int((scores.argmax(axis=1) != target.scores(rows).argmax(axis=1)).sum())
    if not _many(apart, len(rows)):
        return None
    return Diagnostic(
        "other-answers", f"the module that gives the gradients answers {apart} of {len(rows)} rows otherwise"
    )


def _slope(target: TargetModel, rows: Rows, actual: Codes, loss: Loss) -> Rows:
    return target.loss_and_gradient(rows, actual, loss)[2]


def _flat(target: TargetModel, rows: Rows, actual: Codes) -> Diagnostic | None:
    flat = int((~_slope(target, rows, actual, margin_loss).any(axis=1)).sum())
    if not _many(flat, len(rows)):
        return None
    return Diagnostic(
        "zero-gradients", f"the gradient of {flat} of {len(rows)} rows is zero: nothing shows where to go"
    )


def _saturated(target: TargetModel, rows: Rows, actual: Codes) -> Diagnostic | None:
    flat = ~_slope(target, rows, actual, cross_entropy).any(axis=1)
    steep = _slope(target, rows, actual, margin_loss).any(axis=1)
    count = int((flat & steep).sum())
    if not _many(count, len(rows)):
        return None
    return Diagnostic(
        "saturated-softmax",
        f"the cross-entropy of {count} of {len(rows)} rows is flat although the scores are not: the softmax is 0 or 1",
    )


def _constant(target: TargetModel, rows: Rows, actual: Codes) -> Diagnostic | None:
    slope = _slope(target, rows, actual, margin_loss)
    if len(np.unique(actual)) == 1 or not slope.any() or (slope != slope[0]).any():
        return None
    return Diagnostic("constant-gradients", f"the gradient of all {len(rows)} rows is the same, whatever their class")


def _not_its_own(target: TargetModel, rows: Rows, actual: Codes, threat: Threat) -> Diagnostic | None:
    """Whether the margin changes as the gradient says, by central differences along it."""
    slope = _slope(target, rows, actual, margin_loss)
    length = np.linalg.norm(slope, axis=1)
    steep = length > 0
    if not steep.any():
        return None
    rows, actual, slope, length = rows[steep], actual[steep], slope[steep], length[steep]
    nudge = _NUDGE * threat.radius * slope / length[:, None]
    # A margin has kinks where the best other class changes: those rows say nothing here.
    ahead, behind = target.scores(rows + nudge), target.scores(rows - nudge)
    smooth = _runner_up(ahead, actual) == _runner_up(behind, actual)
    if not smooth.any():
        return None
    rise = margin(ahead[smooth], actual[smooth]) - margin(behind[smooth], actual[smooth])
    promised = 2 * np.linalg.norm(nudge[smooth], axis=1) * length[smooth]
    still = int((rise == 0).sum())
    if _many(still, len(rise)):
        return Diagnostic("quantised-answers", f"a small step left the answer to {still} of {len(rise)} rows as it was")
    error = float(np.median(np.abs(rise - promised) / promised))
    if not np.isfinite(error) or error > _APART:
        return Diagnostic(
            "foreign-gradients",
            f"the answers do not change as the gradients say (off by {error:.0%} at the median): the module that gives "
            "them is not the model that answers",
        )
    return None


def _runner_up(scores: Floats, actual: Codes) -> NDArray[np.int64]:
    others = scores.copy()
    others[np.arange(len(scores)), actual] = -np.inf
    return np.asarray(others.argmax(axis=1))


def _single_step(
    target: TargetModel, rows: Rows, actual: Codes, threat: Threat, effort: Effort, seed: int
) -> Diagnostic | None:
    """More rows that one step breaks and many do not than the other way about, by a sign test."""
    once = target.is_broken(fgsm(target, rows, actual, threat), actual)
    rng = np.random.default_rng([seed, 1])
    often = target.is_broken(
        pgd(target, rows, actual, threat, iterations=effort.iterations, rng=rng, loss=margin_loss), actual
    )
    single, many = int((once & ~often).sum()), int((often & ~once).sum())
    chance = sum(comb(single + many, k) for k in range(single, single + many + 1)) / 2 ** (single + many)
    if single <= many or chance > _SURE:
        return None
    return Diagnostic(
        "single-step-stronger", f"one step broke {single} rows that {effort.iterations} did not, and not vice versa"
    )


def _climbed(attacked: SuiteResult) -> bool:
    """Whether gradients were followed to their end: only then does it mean something that others went further."""
    return any(is_of_tier(attack, "pgd") for attack in attacked.attacks)


def black_box_stronger(attacked: SuiteResult, origin: Rows, threat: Threat) -> Diagnostic | None:
    """Rows that search broke after every gradient had failed, by moves that gradients can tell of: not new texts."""
    if not _climbed(attacked):
        return None
    late = [place for place, name in enumerate(attacked.attacks) if name in ("square", "discrete", "transfer")]
    broken = np.isin(attacked.broken_by, late)
    if isinstance(threat, TableThreat):
        texts = threat.moves.is_text
        broken &= (attacked.worst[:, texts] == origin[:, texts]).all(axis=1)
    count = int(broken.sum())
    if not _many(count, len(attacked.broken_by)):
        return None
    return Diagnostic(
        "black-box-stronger", f"attacks without gradients broke {count} rows that those with them did not"
    )


def _not_done(
    target: TargetModel, origin: Rows, actual: Codes, threat: Threat, attacked: SuiteResult, effort: Effort, seed: int
) -> Diagnostic | None:
    standing = np.flatnonzero(attacked.unbroken)[:SAMPLE]
    if not standing.size or not _climbed(attacked):
        return None
    rows, truth = origin[standing], actual[standing]
    rng = np.random.default_rng([seed, 2])
    iterations = _MORE * effort.iterations
    examples = pgd(target, rows, truth, threat, iterations=iterations, rng=rng, loss=margin_loss)
    count = int(target.is_broken(examples, truth).sum())
    if not _many(count, len(rows)):
        return None
    return Diagnostic("not-converged", f"{iterations} iterations broke {count} of {len(rows)} rows that stood before")


def _unbounded(
    target: TargetModel, rows: Rows, actual: Codes, threat: Threat, effort: Effort, seed: int
) -> Diagnostic | None:
    """Whether anything survives an attacker who may do whatever the range of the inputs allows."""
    free = _without_budget(threat, rows.shape[1])
    if free is None:
        return None
    left = np.arange(len(rows))
    for loss in (margin_loss, cross_entropy):
        rng = np.random.default_rng([seed, 3])
        examples = pgd(target, rows[left], actual[left], free, iterations=effort.iterations, rng=rng, loss=loss)
        left = left[~target.is_broken(examples, actual[left])]
        if not left.size:
            return None
    if not _many(int(left.size), len(rows)):
        return None
    return Diagnostic("survives-unbounded", f"{left.size} of {len(rows)} rows survive an attack without a budget")


def _without_budget(threat: Threat, inputs: int) -> Threat | None:
    if isinstance(threat, Linf):
        return replace(threat, budget=threat.high - threat.low)
    if isinstance(threat, L2):
        return replace(threat, budget=(threat.high - threat.low) * inputs**0.5)
    if isinstance(threat, L0):
        return replace(threat, budget=inputs)
    return None
