"""Each class of a classifier against the rest, as one table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.report.words import count, metric_title, numbers
from seatrial.verdicts.evidence import Claim, Family
from seatrial.verdicts.trial import Trial


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: per metric of the table its estimate and bounds, or None where it was not measured."""

    name: str
    rows: str  # that are of this class; "" where that is not known
    cells: tuple[tuple[str, str] | None, ...]


@dataclass(frozen=True, slots=True)
class ClassTable:
    """All classes beside each other."""

    metrics: tuple[str, ...]
    rows: tuple[ClassRow, ...]


def class_table(trial: Trial) -> ClassTable | None:
    """The table, or None where nothing was measured for one class alone."""
    measured = {
        (interval.claim.of_class, interval.claim.metric): interval
        for interval in trial.evidence
        if interval.claim == Claim(interval.claim.metric, Family.ALL, None, interval.claim.of_class)
        and interval.claim.of_class is not None
    }
    if not measured:
        return None
    metrics = tuple(dict.fromkeys(metric for _, metric in measured))
    classes = tuple(dict.fromkeys(name for name, _ in measured if name is not None))
    rows = []
    for name in classes:
        evidence = [measured.get((name, metric)) for metric in metrics]
        cells = tuple(
            None if interval is None else ((shown := numbers(interval)).estimate, shown.bounds) for interval in evidence
        )
        recall = measured.get((name, "true_positive_rate"))  # it is among the rows of the class
        rows.append(ClassRow(name, "" if recall is None else count(recall.rows), cells))
    return ClassTable(tuple(metric_title(metric) for metric in metrics), tuple(rows))
