"""What a metric is: one record that names, describes, bounds and computes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from seatrial.verdicts.evidence import Family
from seatrial.verdicts.metrics.computed import Computed

BINARY, MULTICLASS, REGRESSION = ("binary",), ("multiclass",), ("regression",)
CLASSIFIERS = (*BINARY, *MULTICLASS)
ANY_TASK = (*CLASSIFIERS, *REGRESSION)

ALL_FAMILIES = (Family.ALL, Family.GROUPS, Family.PAIRS, Family.RATIOS)
WITHOUT_RATIOS = ALL_FAMILIES[:-1]


class Better(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


class Scope(StrEnum):
    """What a metric is about."""

    CLASSES = "classes"  # all classes of a classifier at once
    CLASS = "class"  # one class against the rest: the positive one, `of_class`, or of more than two the mean over all
    VALUES = "values"  # a regression
    DATA = "data"  # the measured rows themselves


@dataclass(frozen=True, slots=True)
class ReportScopes:
    """For which tasks a metric is measured although no policy asks: a report has to stay readable."""

    overall: tuple[str, ...] = ()
    each_class: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    ratios: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()  # beside the models that any model should beat


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Policies, reports, assessors and the reference pages know it from this record alone.

    `low` and `high` are the range of its values, in the label's unit for a regression. `description` is one sentence,
    `bound` names the method of its bounds in the reference page. `needs` are the settings without which there is
    no such number: the largest error that counts ("clip"), the predicted "quantile", a predicted "interval". A
    requirement rests on the clip and quantile of its policy.
    """

    name: str
    title: str
    scope: Scope
    tasks: tuple[str, ...]
    low: float
    high: float
    better: Better
    description: str
    bound: str
    computed: Computed
    aliases: tuple[str, ...] = ()
    families: tuple[Family, ...] = ALL_FAMILIES
    paired: bool = True  # with another model's on the same rows
    reported: ReportScopes = ReportScopes()
    needs: tuple[str, ...] = ()
    under_attack: bool = False  # a threat model belongs to it
    in_policies: bool = True

    def fits(self, task: str) -> bool:
        """Whether a model of this task ("binary", "multiclass", "regression") has it."""
        return task in self.tasks
