"""Under attack: per threat model what the attacker may do, what was tried, what it broke, and what is doubted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seatrial.report.gallery import Picture, pictures
from seatrial.report.plots import IntervalPlot, interval_plot
from seatrial.report.words import count
from seatrial.verdicts.evidence import Claim, Evidence
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.policy.threat import Mutable, ThreatModel
from seatrial.verdicts.trial import Trial

METRIC = "robust_accuracy"
_CLEAN = "clean"  # the "attack" that broke what the model answers wrong without one
# What an attack is, by the start of its name, in the order in which they are tried.
_ATTACKS = {
    "noise": ("Noise", "random examples that the threat allows"),
    "fgsm": ("One step", "to the edge of what is allowed, along the gradient (Goodfellow, Shlens & Szegedy 2015)"),
    "pgd": ("Projected gradient", "many small steps, from several starts (Madry et al. 2018)"),
    "apgd-ce": ("Auto-PGD", "steps that adapt themselves (Croce & Hein 2020)"),
    "apgd-t": ("Auto-PGD, targeted", "towards one wrong class after the other (Croce & Hein 2020)"),
    "minimum-norm": ("Minimum norm", "the nearest example that is answered wrong (Pintor et al. 2021)"),
    "square": ("Square", "random squares, by the answers alone (Andriushchenko et al. 2020)"),
    "discrete-exact": ("Exact search", "every allowed change, or branch and bound over the trees"),
    "discrete": ("Search", "changes of one and two columns, the worst kept, by the answers alone"),
    "transfer": ("Transfer", "what fools a model that learned from this one's answers"),
}
_SIGNS = {
    "randomised-answers": "Answers are random",
    "other-answers": "The gradients are of a model that answers otherwise",
    "zero-gradients": "Gradients vanish",
    "saturated-softmax": "The softmax is saturated",
    "constant-gradients": "Gradients are the same everywhere",
    "quantised-answers": "Answers come in steps",
    "foreign-gradients": "The gradients are not those of the answers",
    "single-step-stronger": "One step broke more than many",
    "black-box-stronger": "Attacks without gradients broke more",
    "not-converged": "More iterations broke more",
    "survives-unbounded": "Rows survive an attacker without limits",
    "saturated-answers": "Answers have no scale",
    "suite-cut-short": "Attacks that could run did not",
    "required-attack-not-run": "A required attack did not run",
    "answers_depend_on_batch": "Answers depend on the batch",
    "dependent-rows": "Rows depend on each other",
}


@dataclass(frozen=True, slots=True)
class Attack:
    """What one kind of attack is, and how many rows it was the first to break."""

    name: str
    what: str
    broke: str
    share: float  # of the sample, in percent
    at: float  # the share that was broken before


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sign that attacks failed for another reason than a robust model."""

    sign: str
    detail: str


@dataclass(frozen=True, slots=True)
class UnderThreat:
    """One threat model, and what came of it."""

    name: str
    allowed: tuple[str, ...]
    plot: IntervalPlot
    attacks: tuple[Attack, ...]
    standing: str
    left_out: str  # "" where every attack ran
    facts: tuple[tuple[str, str], ...]
    doubts: tuple[Doubt, ...]
    pictures: tuple[Picture, ...]


def under_threats(trial: Trial, policy: Policy) -> tuple[UnderThreat, ...]:
    """One for each threat model that robust accuracy was measured under, overall, in the trial's order."""
    clean = next((evidence for evidence in trial.evidence if evidence.claim == Claim("accuracy")), None)
    return tuple(
        _under(evidence, clean, policy.threat.get(evidence.claim.threat or ""))
        for evidence in trial.evidence
        if evidence.claim == Claim(METRIC, threat=evidence.claim.threat)
    )


def _under(evidence: Evidence, clean: Evidence | None, threat: ThreatModel | None) -> UnderThreat:
    conditions = evidence.conditions
    before = [] if clean is None else [replace(clean, slice="as the data is")]
    broken = dict(_counts(conditions.get("broken_by", "")))
    attacks = tuple(_attacks(broken, conditions.get("attacks", "").split(), evidence.rows))
    return UnderThreat(
        name=evidence.claim.threat or "",
        allowed=(conditions.get("threat", ""),) if threat is None else tuple(allowed_by(threat)),
        plot=interval_plot([*before, replace(evidence, slice="not broken by these attacks", flags=())]),
        attacks=attacks,
        standing=f"{count(evidence.rows - sum(broken.values()))} of {count(evidence.rows)}",
        left_out=_left_out(conditions.get("left_out", "nothing")),
        facts=tuple(_facts(conditions)),
        doubts=tuple(Doubt(_SIGNS.get(flag.code, flag.code), flag.detail) for flag in evidence.flags),
        pictures=pictures(conditions),
    )


def _counts(text: str) -> Iterator[tuple[str, int]]:
    """From "clean 12, pgd-1 30"."""
    for part in text.split(", "):
        name, _, rows = part.rpartition(" ")
        if rows.isdigit():
            yield name, int(rows)


def _kind(name: str) -> str:
    return next((start for start in ("apgd-ce", "apgd-t", *_ATTACKS) if name.startswith(start)), name)


def _attacks(broken: Mapping[str, int], run: list[str], rows: int) -> Iterator[Attack]:
    by_kind = {_CLEAN: broken.get(_CLEAN, 0)}
    for name in dict.fromkeys([*run, *(name for name in broken if name != _CLEAN)]):
        by_kind[_kind(name)] = by_kind.get(_kind(name), 0) + broken.get(name, 0)
    at = 0.0
    for kind, number in by_kind.items():
        title, what = _ATTACKS.get(kind, (kind, ""))
        if kind == _CLEAN:
            title, what = "None", "answered wrong as the data is"
        share = 100 * number / rows if rows else 0.0
        yield Attack(title, what, count(number), share, at)
        at += share


def _left_out(text: str) -> str:
    """From "fgsm, pgd-1, pgd-2: why" the kinds of attacks and why; "" from "nothing"."""
    names, colon, why = text.partition(": ")
    if not colon:
        return "" if text == "nothing" else text
    kinds = dict.fromkeys(_kind(name) for name in names.split(", "))
    return f"{', '.join(_ATTACKS.get(kind, (kind, ''))[0] for kind in kinds)}: {why}"


def _facts(conditions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    gradients = conditions.get("gradients")
    if gradients == "of the module":
        yield "gradients", "of the model's own module, rebuilt from its package; every example is counted on the model"
    elif gradients:
        yield "gradients", f"none: {gradients}"
    for name, key in (
        ("attacked", "sample"),
        ("nothing left to try", "certain"),
        ("seed", "seed"),
        ("suite of attacks", "suite"),
    ):
        if key in conditions:
            yield name, conditions[key]


def allowed_by(threat: ThreatModel) -> Iterator[str]:
    """What the attacker may do, in sentences."""
    within = f"within {threat.low:g} to {threat.high:g}" if threat.low is not None and threat.high is not None else ""
    image = f" of an image of {' × '.join(map(str, threat.shape))}" if threat.shape else ""
    if threat.norm == "linf":
        yield f"Each input{image} may change by at most {threat.budget:g}, {within}."
    elif threat.norm == "l2":
        yield f"All inputs{image} together may move by at most {threat.budget:g} in Euclidean distance, {within}."
    elif threat.norm == "l0":
        yield f"At most {threat.budget:g} inputs{image} may change, each to anything {within}."
    elif threat.norm == "patch":
        side = f"{threat.budget:g} × {threat.budget:g}"
        yield f"One square of {side} pixels{image} may become anything {within}."
    else:
        yield f"Columns may change at a total cost of at most {threat.budget:g}; all others stay as they are."
        for name, column in threat.mutable.items():
            yield f"{name}: {_column(column)}."
        yield from (f"Always: {rule}." for rule in threat.constraints)


def _column(column: Mutable) -> str:
    cost = "" if column.cost == 1 else f", at a cost of {column.cost:g} each"
    if column.values:
        return f"one of {', '.join(column.values)}{cost}"
    way = {"both": "up or down", "up": "up only", "down": "down only"}[column.direction]
    step = "" if column.step is None else f" in steps of {column.step:g}"
    low, high = ("" if end is None else f"{end:g}" for end in (column.low, column.high))
    ends = f" within {low or 'the lowest seen'} to {high or 'the highest seen'}"
    return f"{way}{step}{ends}{cost}"
