"""Calibration: whether rows that score 0.8 are positive 8 times in 10, over bins of scores fixed beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers import Answers, Unmeasurable, measured_answers, scores
from seatrial.assessors.assessor import Subject
from seatrial.assessors.cells import Grouping
from seatrial.assessors.claims import claims_of, conditions, dependence, in_order, unmeasured
from seatrial.assessors.slices import Measure, Measured, Rows, of_rows, over_slices
from seatrial.verdicts.bounded import bounded_mean
from seatrial.verdicts.calibration import bin_edges, calibration_error
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured
from seatrial.verdicts.interval import simultaneous_confidence
from seatrial.verdicts.proportions import proportion

BINS = 10  # as usual in the field; each then holds a tenth of the rows
ERROR, GAP = "calibration_error", "calibration_gap"


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


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; ten bins take milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """The calibration error (by group where the policy asks), and the gap of each bin, which a plot is drawn from."""
    wanted = in_order(claims, [*claims_of(ERROR, subject, Family.ALL), *claims_of(GAP, subject, Family.ALL)])
    answers = measured_answers(subject)
    bins = answers if isinstance(answers, Unmeasurable) else fixed_bins(subject)
    if isinstance(answers, Unmeasurable) or isinstance(bins, Unmeasurable):
        reason = next(doubt.reason for doubt in (answers, bins) if isinstance(doubt, Unmeasurable))
        yield from (unmeasured(claim, reason) for claim in wanted)
        return
    parameters, flags = {**bins.parameters, "seed": str(seed)}, dependence(subject)

    def error(rows: Rows, confidence: float) -> Measured | Unmeasurable:
        if len(rows) == 0:
            return Unmeasurable("no rows")
        score, actual = answers.score[rows], answers.actual[rows]
        found = calibration_error(score, actual, bins.edges, confidence=confidence, seed=seed)
        return Measured(found, len(rows))

    def measure_of(_metric: str, groups: Grouping) -> Measure:
        return of_rows(groups, error)

    for claim in wanted:
        if claim.metric == ERROR:
            yield from over_slices(
                subject, [claim], measure_of, confidence=confidence, flags=flags, parameters=parameters
            )
        elif claim.family is Family.ALL:
            stated = conditions(subject, **parameters)
            yield from _gaps(claim, answers, bins, confidence=confidence, seed=seed, stated=stated, flags=flags)
        else:
            yield unmeasured(claim, "the gaps of bins are measured for everybody only")


def fixed_bins(subject: Subject) -> Bins | Unmeasurable:
    """Bins with equally many validation rows each; without validation data, bins of equal width."""
    validation = subject.tables.get("validation")
    if validation is None or validation.num_rows == 0:
        return Bins(np.linspace(0, 1, BINS + 1)[1:-1], "equal widths, for lack of validation data")
    score = scores(subject, "validation")
    if isinstance(score, Unmeasurable):
        return score
    return Bins(bin_edges(score, count=BINS), "quantiles of the validation scores")


def _gaps(
    claim: Claim,
    answers: Answers,
    bins: Bins,
    *,
    confidence: float,
    seed: int,
    stated: Mapping[str, str],
    flags: tuple[Flag, ...],
) -> Iterator[Evidence | NotMeasured]:
    """|observed rate − mean score| of each bin; the bounds of all bins hold together."""
    members = np.searchsorted(bins.edges, answers.score, side="right")
    limits = [0.0, *bins.edges, 1.0]
    each = simultaneous_confidence(confidence, len(limits) - 1)
    for index, (start, end) in enumerate(pairwise(limits)):
        below = "≤" if index == len(limits) - 2 else "<"
        name = f"bin {index + 1}: {start:.4g} ≤ score {below} {end:.4g}"
        here = members == index
        rows = int(here.sum())
        if rows == 0:
            yield NotMeasured(claim, name, "no rows in this bin")
            continue
        score, actual = answers.score[here], answers.actual[here]
        gap = bounded_mean(actual - score, floor=-1, ceiling=1, confidence=each, seed=seed)
        observed = proportion(int(actual.sum()), rows, confidence=each)
        yield Evidence(
            claim=claim,
            slice=name,
            estimate=abs(gap.estimate),
            low=max(0.0, gap.low, -gap.high),
            high=max(gap.high, -gap.low),
            confidence=confidence,
            rows=rows,
            method=gap.method,
            conditions={
                **stated,
                "mean_confidence": repr(float(score.mean())),
                "observed_rate": repr(observed.estimate),
                "observed_low": repr(observed.low),
                "observed_high": repr(observed.high),
                "simultaneous_slices": str(len(limits) - 1),
            },
            flags=flags,
        )
