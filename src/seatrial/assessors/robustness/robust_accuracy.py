"""Robust accuracy: the share of rows that no attack within the threat model was found to break.

Every example is counted on the model that users get. It is an upper bound: a stronger attack may exist; and where the
evaluation has doubts about itself, the claim is inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import actual_classes
from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import dependence, unmeasured
from seatrial.assessors.contingency.grouping import Grouping
from seatrial.assessors.quantities.means import shares
from seatrial.assessors.quantities.slices import Quantity, over_slices
from seatrial.assessors.robustness.attack_examples import examples_of
from seatrial.assessors.robustness.under_attack import UnderAttack, scores_of
from seatrial.attacks.gradient_masking import diagnose
from seatrial.attacks.input_space import build_threat, input_space_of
from seatrial.attacks.losses import Floats
from seatrial.attacks.suite import Effort, SuiteResult, run_suite
from seatrial.attacks.table_threat import TableThreat
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Rows
from seatrial.errors import InputError, SeatrialError
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured
from seatrial.verdicts.example_images import CONDITION as EXAMPLES
from seatrial.verdicts.policy.threat import ThreatModel

METRIC = "robust_accuracy"
NOT_RUN = "required-attack-not-run"
CUT_SHORT = "suite-cut-short"
_CORRECT = "Correct the model."


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    unbroken: NDArray[np.bool_]
    conditions: dict[str, str]
    flags: tuple[Flag, ...]
    examples: str = ""


def assess(
    subject: Subject, claims: Sequence[Claim], *, confidence: float, seed: int, budget_s: float
) -> Iterator[Evidence | NotMeasured]:
    """Robust accuracy under each threat model; by group where the policy asks. The threats share the time evenly."""
    under = subject.under_attack
    own = () if under is None else (Claim(METRIC, threat=name) for name in under.threats)
    selected = tuple(dict.fromkeys([*(claim for claim in claims if claim.metric == METRIC), *own]))
    if under is None:
        yield from (
            unmeasured(claim, "attacks need the model and its inputs, not its answers alone") for claim in selected
        )
        return
    attacked = replace(subject, tables={**subject.tables, subject.measured: under.rows})
    deadline, left = monotonic() + budget_s, len({claim.threat for claim in selected})
    for name in dict.fromkeys(claim.threat for claim in selected):
        here = [claim for claim in selected if claim.threat == name]
        outcome = _attack(attacked, under, name, seed=seed, budget_s=max(0.0, deadline - monotonic()) / left)
        left -= 1
        if isinstance(outcome, Unmeasurable):
            yield from (unmeasured(claim, outcome.reason) for claim in here)
            continue

        def standing(_claim: Claim, groups: Grouping, outcome: _Outcome = outcome) -> Quantity | Unmeasurable:
            rows = np.bincount(groups.codes, minlength=len(groups.names))
            hits = np.bincount(groups.codes[outcome.unbroken], minlength=len(groups.names))
            return shares(hits, rows, groups.names, "rows")

        flags = (*outcome.flags, *dependence(attacked))
        for result in over_slices(
            attacked, here, standing, confidence=confidence, flags=flags, parameters=outcome.conditions
        ):
            yield _illustrated(result, outcome.examples)


def _illustrated(result: Evidence | NotMeasured, examples: str) -> Evidence | NotMeasured:
    """The overall claim holds the examples; those about groups need not hold them again."""
    if isinstance(result, NotMeasured) or result.claim.family is not Family.ALL or not examples:
        return result
    return replace(result, conditions={**result.conditions, EXAMPLES: examples})


def _attack(
    subject: Subject, under: UnderAttack, name: str | None, *, seed: int, budget_s: float
) -> _Outcome | Unmeasurable:
    signature = under.predictor.signature
    if name is None or name not in under.threats:
        return Unmeasurable(f"the policy has no threat model {name!r}")
    if signature.task == "regression" or not signature.probabilities:
        return Unmeasurable("attacks follow the probabilities of a classifier, and this model gives none")
    if under.rows.num_rows == 0:
        return Unmeasurable(f"the {subject.measured} table has no rows")
    model, range_rows = under.threats[name], under.rows if under.seen is None else under.seen
    space = input_space_of(signature.inputs, [under.rows, *([] if under.seen is None else [under.seen])], under.threats)
    try:
        threat = build_threat(space, model, range_rows, name=name)
    except InputError as error:
        return Unmeasurable(str(error))
    actual = actual_classes(under.rows, subject.label, signature.classes, path=f"{subject.measured}.{subject.label}")

    def ask(points: Rows) -> Floats:
        probabilities = under.predictor.predict(space.table(points)).probabilities
        expected_shape = (len(points), len(signature.classes))
        if probabilities is None or probabilities.shape != expected_shape:
            shape = None if probabilities is None else probabilities.shape
            raise InputError(
                f"under attack the model must give probabilities of shape {expected_shape}, got {shape}.",
                path="model",
                hint=_CORRECT,
            )
        if not np.isfinite(probabilities).all():
            raise InputError("The model gives NaN for an example that an attack made.", path="model", hint=_CORRECT)
        return scores_of(signature, probabilities)

    white = None if under.differentiated is None else under.differentiated(space)
    target, origin, effort = TargetModel(ask, white), space.points(under.rows), Effort()
    try:
        attacked = run_suite(
            target,
            origin,
            actual,
            threat,
            effort=effort,
            shape=model.shape or (len(space.columns),),
            seed=seed,
            budget_s=budget_s,
            tiers=model.tiers,
            trees=under.trees(space) if isinstance(threat, TableThreat) else None,
            on_progress=lambda attack, standing: under.on_progress(f"{name}: {attack}, {standing:,} rows stand"),
        )
        signs = diagnose(
            target,
            origin,
            actual,
            threat,
            attacked,
            effort=effort,
            seed=seed,
            bounded_inputs=not isinstance(threat, TableThreat),
        )
    except SeatrialError as error:  # also of a model that its runtime cannot ask
        return Unmeasurable(str(error))
    flags = (
        *(Flag(sign.code, sign.detail) for sign in signs),
        *_missing(model, attacked, gradients_exist=under.gradients_exist),
    )
    shown = examples_of(model, attacked, origin, actual, target, signature.classes)
    return _Outcome(attacked.unbroken, _conditions(threat.text, attacked, under, effort, seed), flags, shown)


def _missing(model: ThreatModel, attacked: SuiteResult, *, gradients_exist: bool) -> Iterator[Flag]:
    """The tiers that the policy names, and those that could have run on this model, where they did not to their end."""
    tiers = model.require or model.tiers
    for tier in tiers:
        reasons = [skipped.reason for skipped in attacked.skipped if skipped.is_of(tier)]
        if reasons:
            yield Flag(NOT_RUN, f"the policy requires the attack {tier}, which did not run: {reasons[0]}")
    if model.tiers:
        return
    missing = [skipped for skipped in attacked.skipped if skipped.could_run or gradients_exist]
    if missing:
        attacks = ", ".join(skipped.attack for skipped in missing)
        yield Flag(CUT_SHORT, f"the attacks {attacks} could have run on this model: {missing[0].reason}")


def _conditions(threat: str, attacked: SuiteResult, under: UnderAttack, effort: Effort, seed: int) -> dict[str, str]:
    broke = np.bincount(attacked.broken_by[attacked.broken_by >= 0], minlength=len(attacked.attacks))
    by = ", ".join(f"{name} {count}" for name, count in zip(attacked.attacks, broke, strict=True) if count)
    spent = sorted({skipped.reason for skipped in attacked.skipped})
    left = ", ".join(skipped.attack for skipped in attacked.skipped)
    return {
        "threat": threat,
        "suite": effort.digest,
        "attacks": " ".join(attacked.attacks[1:]),
        "broken_by": by or "nothing",
        "certain": f"{int((attacked.exact | ~attacked.unbroken).sum())} of {len(attacked.exact)} rows",
        "left_out": f"{left}: {'; '.join(spent)}" if left else "nothing",
        "gradients": "of the module" if under.differentiated is not None else under.why_black_box,
        "sample": f"{under.rows.num_rows} of {under.of_rows} rows",
        "seed": str(seed),
    }
