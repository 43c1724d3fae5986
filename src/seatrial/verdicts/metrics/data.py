"""The metrics of the measured rows themselves."""

from __future__ import annotations

from typing import Any

from seatrial.verdicts.evidence import Family
from seatrial.verdicts.metrics.computed import ByAssessor
from seatrial.verdicts.metrics.metric import ANY_TASK, CLASSIFIERS, Better, Metric, Scope

_EXACT = "Clopper–Pearson"
_COUNTED = "counted, not estimated: low and high are the share"


def _metric(name: str, title: str, description: str, **more: Any) -> Metric:
    """A share of the measured rows, where few are better and `more` does not say otherwise."""
    record = {"tasks": ANY_TASK, "better": Better.LOWER, "bound": _EXACT, "computed": ByAssessor("data"), **more}
    return Metric(
        name=name,
        title=title,
        scope=Scope.DATA,
        low=0.0,
        high=1.0,
        description=description,
        families=(Family.ALL,),
        paired=False,
        **record,
    )


OF_THE_DATA = (
    _metric(
        "test_overlap",
        "Rows of the training data",
        "Share of the measured rows that are in the training data too; needs training data.",
        bound=_COUNTED,
    ),
    _metric(
        "duplicate_share",
        "Rows that are copies of another",
        "Share of the measured rows that are copies of an earlier one, in every input and the label.",
        bound=_COUNTED,
    ),
    _metric(
        "unlabelled_share",
        "Rows without a label",
        "Share of the rows of the table that have no label, and are left out of everything else.",
        bound=_COUNTED,
    ),
    _metric(
        "answered_share",
        "Rows that are answered",
        "Share of the measured rows that the model answers: NaN for a probability or a value, and a null label, are no "
        "answers.",
        better=Better.HIGHER,
    ),
    _metric(
        "unknown_values",
        "Rows with a text that the model never saw",
        "Share of the measured rows with a text that the model never saw, in the column that has most of them; needs a "
        "codec or training data.",
    ),
    _metric(
        "one_column_accuracy",
        "Accuracy of the best rule of one column",
        "Accuracy of the best rule on one column alone, or on a part of an id (a digit, the first or last characters); "
        "near 1, that column holds the answer.",
        tasks=CLASSIFIERS,
    ),
)
