"""The seam between the trial and its measurements: one module a kind of claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Task
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What was found about the measured rows while they were read; None where nothing was there to tell it by."""

    rows: int
    overlap: int | None = None  # rows that are in the training data too, in every input and the label
    unknown: Mapping[str, int] | None = None  # rows by column whose text the model never saw
    copies: int | None = None  # rows that are copies of an earlier one, in every input and the label
    unlabelled: int | None = None  # rows without a label, beside `rows`
    unanswered: int | None = None  # of `rows`, those that the model did not answer
    exact: bool = True  # every row was remembered, not a sample


@dataclass(frozen=True, slots=True)
class Subject:
    """A packaged model and the data it is measured on, by role.

    `tables` holds raw input columns, the label column and the group columns. `validation` fixes what is chosen (bins);
    `test` is only measured. `cluster` names a column whose equal values mark rows that are not independent, `weight`
    one with the positive number of people that a row stands for. `references` are the models that a policy compares
    with, under the names it gives them; they are asked for the same rows. For regressions, absolute errors count as at
    most `clip` (in the label's unit: a loss without a ceiling has no distribution-free bound), and `quantile` says
    which one the model predicts. Nobody whom the rows stand for weighs more than `largest_weight`, drawn or not.
    """

    predictor: Predictor
    tables: Mapping[str, pa.Table]  # "validation", "calibration", "test"
    label: str
    task: Task
    positive: str | None = None
    groups: tuple[str, ...] = ()
    cluster: str | None = None
    measured: str = "test"  # the role that is measured: "validation" in a rehearsal
    weight: str | None = None
    references: Mapping[str, Predictor] = field(default_factory=dict)
    clip: float | None = None
    quantile: float | None = None
    largest_weight: float | None = None
    under_attack: UnderAttack | None = None  # what attacks need besides answers
    facts: DataFacts | None = None


class Assessor(Protocol):
    """Measures one kind of claim about a model; decides nothing."""

    def assess(
        self, subject: Subject, claims: Sequence[Claim], *, confidence: float, seed: int, budget_s: float
    ) -> Iterator[Evidence | NotMeasured]:
        """Yields what this assessor can say, `claims` (those that the policy rests on) first.

        Claims about other metrics are ignored. Every group of a column, and every pair of them, is answered for: by
        evidence, or by the reason why not. The bounds of one claim hold together at `confidence`.
        """
        ...
