"""Rates of right and wrong answers, all of them from one count of rows by group and class.

Accuracy, selection rate, true and false positive rate, precision and F1: of the positive class, of one class against
the rest, or the plain mean over all classes. Differences between groups are those of demographic parity and of
equalised odds (Hardt, Price & Srebro 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.answers import ClassAnswers, Unmeasurable, class_answers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.cells import Cells, Grouping, count
from seatrial.assessors.claims import MOST_CLASSES, dependence, unmeasured, wanted
from seatrial.assessors.means import (
    Among,
    Terms,
    average,
    beside,
    found,
    mean,
    minus,
    or_else,
    paired,
    paired_shares,
    shares,
)
from seatrial.assessors.references import against, reference_answers
from seatrial.assessors.slices import Found, Quantity, over_slices
from seatrial.verdicts.averages import mean_of_proportions
from seatrial.verdicts.differences import Count
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.f_score import f1
from seatrial.verdicts.interval import Interval
from seatrial.verdicts.paired_statistics import paired_ratio

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of rows of which class c is one kind: in counts, [groups], and row by row."""

    hits: Callable[[Cells, int], Counts]
    rows: Callable[[Cells, int], Counts]
    hit: Callable[[ClassAnswers, int], Mask]
    base: Callable[[ClassAnswers, int], Mask] | None = None  # None: all rows
    among: str = "rows"  # "{}" is the class


RATES = {
    "accuracy": Rate(
        hits=lambda cells, _c: cells.right.sum(axis=1),
        rows=lambda cells, _c: cells.rows,
        hit=lambda answers, _c: answers.actual == answers.answered,
    ),
    "selection_rate": Rate(
        hits=lambda cells, c: cells.answered[:, c],
        rows=lambda cells, _c: cells.rows,
        hit=lambda answers, c: answers.answered == c,
    ),
    "true_positive_rate": Rate(
        hits=lambda cells, c: cells.right[:, c],
        rows=lambda cells, c: cells.actual[:, c],
        hit=lambda answers, c: answers.answered == c,
        base=lambda answers, c: answers.actual == c,
        among="{} rows",
    ),
    "false_positive_rate": Rate(
        hits=lambda cells, c: cells.answered[:, c] - cells.right[:, c],
        rows=lambda cells, c: cells.rows - cells.actual[:, c],
        hit=lambda answers, c: answers.answered == c,
        base=lambda answers, c: answers.actual != c,
        among="rows that are not {}",
    ),
    "precision": Rate(
        hits=lambda cells, c: cells.right[:, c],
        rows=lambda cells, c: cells.answered[:, c],
        hit=lambda answers, c: answers.actual == c,
        base=lambda answers, c: answers.answered == c,
        among="rows predicted {}",
    ),
}
DISJOINT = ("true_positive_rate", "precision")  # each row counts for the class of its label, or of its answer
BY_ANSWER = ("precision", "f1")  # among rows that depend on the answer, so two models have different ones
OF_ALL = ("accuracy", "balanced_accuracy")
METRICS = (*RATES, "balanced_accuracy", "f1")


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; counting takes milliseconds
) -> Iterator[Evidence | NotMeasured]:
    """Each rate for everybody, for each group of each column and between groups; exact bounds where rows count once."""
    asked = wanted(claims, subject, METRICS)
    answers = class_answers(subject) if asked else Unmeasurable("nothing is asked")
    if isinstance(answers, Unmeasurable):
        yield from (unmeasured(claim, answers.reason) for claim in asked)
        return
    quantity_of = _Measuring(subject, answers, seed).quantity
    parameters = {} if answers.weights is None else {"seed": str(seed)}
    yield from over_slices(
        subject, asked, quantity_of, confidence=confidence, flags=dependence(subject), parameters=parameters
    )


class _Measuring:
    """The answers of a trial and of its references, counted once for each column."""

    def __init__(self, subject: Subject, answers: ClassAnswers, seed: int) -> None:
        self._subject, self._answers, self._seed = subject, answers, seed
        self._cells = cache(count)

    def quantity(self, claim: Claim, groups: Grouping) -> Quantity | Unmeasurable:
        code = self._answers.code_of(claim.of_class)
        if isinstance(code, Unmeasurable):
            return code
        if claim.of_class is not None and claim.metric in OF_ALL:
            return Unmeasurable("it is about all classes at once")
        if claim.metric == "selection_rate" and code is None:
            return Unmeasurable(
                "over all classes it is the same for any model; a requirement names its class, of_class"
            )
        if claim.against is None:
            return self._of(self._answers, claim.metric, code, groups)
        compared = reference_answers(claim, self._subject, class_answers)
        if isinstance(compared, Unmeasurable):
            return compared
        return against(self._paired(compared.answers, claim.metric, code, groups), compared.baseline)

    def _of(self, answers: ClassAnswers, metric: str, code: int | None, groups: Grouping) -> Quantity:
        if metric == "balanced_accuracy":
            metric, code = "true_positive_rate", None
        if metric == "accuracy":
            code = 0  # of no meaning: all classes at once
        if code is None and metric in DISJOINT and answers.weights is None:
            return self._mean(RATES[metric], answers, groups)
        if code is None:
            return average([self._of(answers, metric, each, groups) for each in range(len(answers.classes))])
        if metric == "f1":
            return self._f1(answers, code, groups)
        rate = RATES[metric]
        if answers.weights is not None:
            return mean(_terms(rate, answers, code), groups, seed=self._seed)
        cells = self._cells(answers, groups)
        return shares(rate.hits(cells, code), rate.rows(cells, code), groups.names, _among(rate, answers, code))

    def _mean(self, rate: Rate, answers: ClassAnswers, groups: Grouping) -> Quantity:
        """The mean over all classes of a rate that each has among rows of its own."""
        cells = self._cells(answers, groups)
        codes = range(len(answers.classes))
        hits, rows = (np.stack([count_of(cells, code) for code in codes]) for count_of in (rate.hits, rate.rows))

        def of(group: int, confidence: float) -> Found:
            for code in codes:
                if rows[code, group] == 0:
                    return Unmeasurable(f'no {_among(rate, answers, code)} in group "{groups.names[group]}"')
            counts = [Count(int(hits[code, group]), int(rows[code, group])) for code in codes]
            stated = {"average": "macro"}
            if len(counts) <= MOST_CLASSES:
                stated["counts"] = ", ".join(f"{one.successes} of {one.rows}" for one in counts)
            return found(mean_of_proportions(counts, confidence=confidence), int(rows[:, group].sum()), stated)

        return Quantity(of)

    def _f1(self, answers: ClassAnswers, code: int, groups: Grouping) -> Quantity:
        if answers.weights is not None:
            either = (answers.actual == code) | (answers.answered == code)
            both = (answers.actual == code) & (answers.answered == code)
            name = f"rows that are or are predicted {_word(answers, code)}"
            terms = Terms(both.astype(np.float64), (0, 1), Among(either, name), answers.weights)
            return _of_jaccard(mean(terms, groups, seed=self._seed))
        cells = self._cells(answers, groups)
        right = cells.right[:, code]
        extra, lost = cells.answered[:, code] - right, cells.actual[:, code] - right

        def of(group: int, confidence: float) -> Found:
            here = [int(each[group]) for each in (right, extra, lost)]
            among = f"rows that are or are predicted {_word(answers, code)}"
            counts = f"{here[0]} right among {sum(here)}"
            return found(f1(*here, confidence=confidence), sum(here), {"counts": counts, "among": among})

        return Quantity(of)

    def _paired(self, reference: ClassAnswers, metric: str, code: int | None, groups: Grouping) -> Quantity:
        answers = self._answers
        if metric == "balanced_accuracy":
            metric, code = "true_positive_rate", None
        if metric == "accuracy":
            code = 0
        if code is None:
            return average([self._paired(reference, metric, each, groups) for each in range(len(answers.classes))])
        if metric in BY_ANSWER:
            apart = minus(*(self._of(each, metric, code, groups) for each in (answers, reference)))
            return or_else(self._ratios(reference, metric, code, groups), apart)
        rate = RATES[metric]
        if answers.weights is not None:
            model, other = (_terms(rate, each, code) for each in (answers, reference))
            return paired(model, other, groups, seed=self._seed)
        among = Among(None if rate.base is None else rate.base(answers, code), _among(rate, answers, code))
        return paired_shares(rate.hit(answers, code), rate.hit(reference, code), among, groups)

    def _ratios(self, reference: ClassAnswers, metric: str, code: int, groups: Grouping) -> Quantity:
        """The difference of two rates, each of which is among rows of its own model's choice."""

        def of(group: int, confidence: float) -> Found:
            rows = groups.rows[group]
            weights = None if self._answers.weights is None else self._answers.weights[rows]
            parts = []
            for answers in (self._answers, reference):
                actual, answered = answers.actual[rows] == code, answers.answered[rows] == code
                right = (actual & answered).astype(np.float64)
                parts.append((right, answered * 1.0) if metric == "precision" else (2 * right, actual * 1.0 + answered))
            (top, bottom), (other_top, other_bottom) = parts
            if not (bottom.any() and other_bottom.any()):
                return Unmeasurable(f'no row is predicted {_word(self._answers, code)} in "{groups.names[group]}"')
            interval = paired_ratio(top, bottom, other_top, other_bottom, confidence=confidence, weights=weights)
            people = np.ones(len(rows)) if weights is None else weights
            estimates = (float(people @ one / (people @ two)) for one, two in parts)
            return found(interval, len(rows), {"among": "rows", **beside(*estimates)})

        return Quantity(of)


def _terms(rate: Rate, answers: ClassAnswers, code: int) -> Terms:
    base = None if rate.base is None else rate.base(answers, code)
    among = Among(base, _among(rate, answers, code))
    return Terms(rate.hit(answers, code).astype(np.float64), (0, 1), among, answers.weights)


def _among(rate: Rate, answers: ClassAnswers, code: int) -> str:
    words = rate.among.format(_word(answers, code))
    return "negative rows" if words == "rows that are not positive" else words


def _word(answers: ClassAnswers, code: int) -> str:
    return "positive" if code == answers.positive else f'"{answers.classes[code]}"'


def _of_jaccard(share: Quantity) -> Quantity:
    """F1 = 2 J / (1 + J), which grows with the share J of right ones among all that are or are said to be."""

    def of(group: int, confidence: float) -> Found:
        measured = share.of(group, confidence)
        if isinstance(measured, Unmeasurable):
            return measured
        jaccard = measured.interval
        estimate, low, high = (2 * each / (1 + each) for each in (jaccard.estimate, jaccard.low, jaccard.high))
        return found(Interval(estimate, low, high, f"{jaccard.method}-f1"), measured.rows, measured.conditions)

    return Quantity(of)
