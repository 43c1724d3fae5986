"""Calibration: whether rows that score 0.8 are right 8 times in 10, over bins of scores fixed beforehand.

Of two classes the score is the probability of the positive one, of more that of the class that is answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers.model_answers import ClassAnswers, Unmeasurable, answered_beside, class_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import claims_to_measure, conditions, dependence, unmeasured
from seatrial.assessors.contingency.grouping import Grouping
from seatrial.assessors.quantities.means import measurement_of, minus, weight_flags
from seatrial.assessors.quantities.slices import MeasurementResult, Quantity, over_slices
from seatrial.assessors.references.reference_answers import against, reference_answers
from seatrial.verdicts.bounds.bounded_mean import bounded_mean
from seatrial.verdicts.bounds.calibration_error import bin_edges, calibration_error
from seatrial.verdicts.bounds.interval import Interval, simultaneous_confidence
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.bounds.weighted_mean import weight_assumption, weighted_mean
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured
from seatrial.verdicts.metrics import measured_by

BINS = 10  # as usual in the field; each then holds a tenth of the rows
ERROR, GAP = "calibration_error", "calibration_gap"
METRICS = measured_by("calibration")


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Inner edges of the bins, left-closed, and where they come from."""

    edges: NDArray[np.float64]
    origin: str

    @property
    def parameters(self) -> Mapping[str, str]:
        """What evidence states about them."""
        listed = " ".join(f"{edge:.6g}" for edge in self.edges)
        return {"bins": str(len(self.edges) + 1), "bin_edges": listed, "bins_from": self.origin}


@dataclass(frozen=True, slots=True, eq=False)
class EventScores:
    """What each row scored, and whether that came true; and its weight."""

    score: NDArray[np.float64]
    hit: NDArray[np.bool_]
    weights: NDArray[np.float64] | None
    largest_weight: float | None = None


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; ten bins take milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """The calibration error (by group where the policy asks), and the gap of each bin, which a plot is drawn from."""
    selected = claims_to_measure(claims, subject, METRICS)
    answers = class_answers(subject) if selected else Unmeasurable("nothing is asked")
    scored = answers if isinstance(answers, Unmeasurable) else _scored(answers)
    bins = answers if isinstance(answers, Unmeasurable) else fixed_bins(subject, answers)
    if isinstance(scored, Unmeasurable) or isinstance(bins, Unmeasurable):
        reason = next(doubt.reason for doubt in (scored, bins) if isinstance(doubt, Unmeasurable))
        yield from (unmeasured(claim, reason) for claim in selected)
        return
    parameters, flags = {**bins.parameters, "seed": str(seed)}, dependence(subject)

    def quantity_of(claim: Claim, groups: Grouping) -> Quantity | Unmeasurable:
        own = _error(scored, bins, groups, seed=seed)
        if claim.against is None:
            return own
        compared = reference_answers(claim, subject, class_answers)
        if isinstance(compared, Unmeasurable):
            return compared
        theirs = _scored(compared.answers)
        if isinstance(theirs, Unmeasurable):
            return Unmeasurable(f'of the reference model "{claim.against}": {theirs.reason}')
        return against(minus(own, _error(theirs, bins, groups, seed=seed)), compared.baseline)

    for claim in selected:
        if claim.of_class is not None:
            yield unmeasured(claim, "it is about all classes at once")
        elif claim.metric == ERROR:
            yield from over_slices(
                subject, [claim], quantity_of, confidence=confidence, flags=flags, parameters=parameters
            )
        elif claim.family is Family.ALL and claim.against is None:
            shared_conditions = conditions(subject, **parameters)
            yield from _gaps(
                claim, scored, bins, confidence=confidence, seed=seed, stated=shared_conditions, flags=flags
            )
        else:
            yield unmeasured(claim, "the gaps of bins are measured overall only")


def fixed_bins(subject: Subject, answers: ClassAnswers) -> Bins | Unmeasurable:
    """Bins with equally many validation rows each; without validation data, bins of equal width."""
    validation = subject.tables.get("validation")
    if validation is None or validation.num_rows == 0:
        return Bins(np.linspace(0, 1, BINS + 1)[1:-1], "equal widths, for lack of validation data")
    validation_answers = answered_beside(answers, subject, "validation")
    if isinstance(validation_answers, Unmeasurable):
        return validation_answers
    score = _scores(validation_answers)
    if isinstance(score, Unmeasurable):
        return score
    return Bins(bin_edges(score, count=BINS), "quantiles of the validation scores")


def _scored(answers: ClassAnswers) -> EventScores | Unmeasurable:
    score = _scores(answers)
    if isinstance(score, Unmeasurable):
        return score
    binary = answers.positive is not None
    hit = answers.actual == (answers.positive if binary else answers.answered)
    return EventScores(score, hit, answers.weights, answers.largest_weight)


def _scores(answers: ClassAnswers) -> NDArray[np.float64] | Unmeasurable:
    if answers.probabilities is None:
        return Unmeasurable("the model gives no probabilities")
    if answers.positive is not None:
        return answers.probabilities[:, answers.positive]
    return answers.probabilities[np.arange(len(answers.answered)), answers.answered]


def _error(scored: EventScores, bins: Bins, groups: Grouping, *, seed: int) -> Quantity:
    def of(group: int, confidence: float) -> MeasurementResult:
        rows = groups.rows[group]
        if len(rows) == 0:
            return Unmeasurable("no rows")
        weights = None if scored.weights is None else scored.weights[rows]
        supposed = None if weights is None else weight_assumption(weights, scored.largest_weight, of_all=scored.weights)
        error = calibration_error(
            scored.score[rows],
            scored.hit[rows],
            bins.edges,
            confidence=confidence,
            seed=seed,
            weights=weights,
            heaviest=None if supposed is None else supposed.largest,
        )
        return measurement_of(error, len(rows), supposed=supposed)

    return Quantity(of)


def _gaps(
    claim: Claim,
    scored: EventScores,
    bins: Bins,
    *,
    confidence: float,
    seed: int,
    stated: Mapping[str, str],
    flags: tuple[Flag, ...],
) -> Iterator[Evidence | NotMeasured]:
    """|observed rate − mean score| of each bin; the bounds of all bins hold together."""
    members = np.searchsorted(bins.edges, scored.score, side="right")
    limits = [0.0, *bins.edges, 1.0]
    each = simultaneous_confidence(confidence, len(limits) - 1)
    for index, (start, end) in enumerate(pairwise(limits)):
        below = "≤" if index == len(limits) - 2 else "<"
        name = f"bin {index + 1}: {start:.4g} ≤ score {below} {end:.4g}"
        here = np.flatnonzero(members == index)
        if len(here) == 0:
            yield NotMeasured(claim, name, "no rows in this bin")
            continue
        weights = None if scored.weights is None else scored.weights[here]
        within = replace(scored, score=scored.score[here], hit=scored.hit[here], weights=weights)
        supposed = None if weights is None else weight_assumption(weights, scored.largest_weight, of_all=scored.weights)
        gap, observed = _gap_of(within, confidence=each, seed=seed)
        yield Evidence(
            claim=claim,
            slice=name,
            estimate=abs(gap.estimate),
            low=max(0.0, gap.low, -gap.high),
            high=max(gap.high, -gap.low),
            confidence=confidence,
            rows=len(here),
            method=gap.method,
            conditions={
                **stated,
                **({} if supposed is None else supposed.stated),
                "mean_confidence": repr(float(np.average(within.score, weights=weights))),
                "observed_rate": repr(observed.estimate),
                "observed_low": repr(observed.low),
                "observed_high": repr(observed.high),
                "simultaneous_slices": str(len(limits) - 1),
            },
            flags=(*flags, *(() if supposed is None else weight_flags(supposed))),
        )


def _gap_of(within: EventScores, *, confidence: float, seed: int) -> tuple[Interval, Interval]:
    """Of the rows of a bin: observed rate minus mean score, and the observed rate."""
    gaps = within.hit - within.score
    if within.weights is not None:
        most, hits = within.largest_weight, within.hit.astype(np.float64)
        gap = weighted_mean(gaps, within.weights, low=-1, high=1, confidence=confidence, seed=seed, heaviest=most)
        rate = weighted_mean(hits, within.weights, low=0, high=1, confidence=confidence, seed=seed, heaviest=most)
        return gap, rate
    gap = bounded_mean(gaps, floor=-1, ceiling=1, confidence=confidence, seed=seed)
    return gap, proportion(int(within.hit.sum()), len(within.hit), confidence=confidence)
