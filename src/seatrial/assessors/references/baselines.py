"""What any model should beat: the best constant answer, and the best rule of one column.

They are fitted on training data, else on validation data, where the trial has them; else on the measured rows
themselves. Then they are the best of their kind in hindsight, which is harder to beat: whoever is surely better than
they are is better than any of their kind that had been fitted beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.answers.labels import actual_classes, actual_values, weights_of
from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import texts
from seatrial.assessors.references.id_parts import id_parts
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature

MOST_CATEGORIES = 100  # of a column that is taken for a rule: with a value a row it would know the rows by heart
MEDIAN = 0.5
MOST_ROWS = 100_000  # that a rule is fitted on: more would hardly move its threshold

_BEYOND_CHANCE = 4.0  # standard errors above the best constant, from which a part of an id says something
_HALF = 0.5  # of the rows, by which a rule of an id's parts is fitted; the others say what it is worth

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Baseline:
    """A `Predictor` that knows next to nothing; `described` says what."""

    signature: Signature
    described: str
    fitted_on: str
    answer: Callable[[pa.Table], Predictions]

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        return self.answer(rows)

    @property
    def digest(self) -> str:
        """Of what it is, for the record of a trial."""
        return hashlib.sha256(f"{self.described}, {self.fitted_on}".encode()).hexdigest()


def baseline(subject: Subject) -> Baseline | Unmeasurable:
    """The best constant answer: the majority class, with the classes' shares for probabilities; the mean."""
    return constant(subject, "rmse" if subject.task == "regression" else "accuracy")


def constant(subject: Subject, metric: str) -> Baseline | Unmeasurable:
    """The best constant answer in terms of `metric`.

    Of a regression that is the median for the mean absolute error, the quantile for the quantile loss, else the mean.
    """
    role, table = _fitted_on(subject)
    if table.num_rows == 0:
        return Unmeasurable(f"the {role} table has no rows")
    signature, weights = subject.predictor.signature, _weights(table, role, subject)
    if subject.task != "regression":
        actual = actual_classes(table, subject.label, signature.classes, path=f"{role}.{subject.label}")
        shares = np.bincount(actual, weights, minlength=len(signature.classes)) / weights.sum()
        name = signature.classes[int(np.argmax(shares))]
        return Baseline(
            _like(subject),
            f"majority class {name}",
            _where(role, subject),
            lambda rows: _classes(rows, subject, shares),
        )
    values = actual_values(table, subject.label, path=f"{role}.{subject.label}")
    share = quantile_of(metric, subject.quantile)
    value = float(np.average(values, weights=weights)) if share is None else _quantile(values, weights, share)
    what = "mean" if share is None else "median" if share == MEDIAN else f"quantile {share:g}"

    def answer(rows: pa.Table) -> Predictions:
        return Predictions(np.full(rows.num_rows, value), None)

    return Baseline(_like(subject), f"{what} {value:.6g}", _where(role, subject), answer)


def quantile_of(metric: str, quantile: float | None) -> float | None:
    """Which quantile of the labels is the best constant in terms of `metric` of a regression; None: the mean is.

    Absolute errors are least at the median, the quantile loss at its quantile (Koenker & Bassett 1978).
    """
    if metric == "quantile_loss":
        return quantile
    return MEDIAN if metric in ("mae", "clipped_mae") else None


def one_column_rule(subject: Subject, metric: str | None = None) -> Baseline | Unmeasurable:
    """The best rule that looks at one input: a class or number for each of its values, or for either side of a limit.

    The number is the best constant in terms of `metric` (`quantile_of`), so that on the rows it was fitted on the rule
    is no worse than the best constant. Where that is a quantile, parts are found by squares of the labels' ranks, not
    of the labels: a few large ones would decide alone, which absolute errors hardly notice.
    """
    role, table = _fitted_on(subject)
    if table.num_rows == 0:
        return Unmeasurable(f"the {role} table has no rows")
    where, table = _where(role, subject), _thinned(table)
    if table.num_rows == MOST_ROWS:
        where = f"{MOST_ROWS:,} rows of {where}"
    path = f"{role}.{subject.label}"
    signature = subject.predictor.signature
    values, share = np.empty(0), None
    if subject.task == "regression":
        values = actual_values(table, subject.label, path=path)
        share = None if metric is None else quantile_of(metric, subject.quantile)
        targets = (values if share is None else _ranks(values))[:, None]
    else:
        codes = actual_classes(table, subject.label, signature.classes, path=path)
        targets = np.zeros((len(codes), len(signature.classes)))
        targets[np.arange(len(codes)), codes] = 1
    weights = _weights(table, role, subject)[:, None]
    rules: list[_Rule | None] = []
    for column in signature.inputs:
        rules.append(_rule(table, column, targets * weights, weights, subject.task))
        if subject.task != "regression":
            rules += _of_id(table, column, targets * weights, weights)
    best = max((rule for rule in rules if rule is not None), key=lambda rule: rule.gain, default=None)
    if best is None:
        return Unmeasurable("no input column makes a rule")
    if share is not None:
        best = _of_quantiles(best, table, values, weights[:, 0], share)
    return Baseline(_like(subject), best.described, where, lambda rows: _by_rule(rows, best, subject))


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    """Which part of a column's values a row is in, and what is answered for each part."""

    column: str
    gain: float
    part: Callable[[pa.Table], Codes]
    answers: Floats  # [parts, classes]: shares of the classes; [parts, 1]: means, or quantiles
    described: str


def _ranks(values: Floats) -> Floats:
    """From 0; equal values share the middle of theirs."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") - 1) / 2


def _of_quantiles(rule: _Rule, table: pa.Table, values: Floats, weights: Floats, share: float) -> _Rule:
    """The same parts, each of which is answered with a quantile of its labels; a part without rows with that of all."""
    parts = rule.part(table)
    answers = np.full(rule.answers.shape, _quantile(values, weights, share))
    for part in np.unique(parts):
        answers[part] = _quantile(values[parts == part], weights[parts == part], share)
    described = f"medians {rule.described}" if share == MEDIAN else f"quantiles {share:g} {rule.described}"
    return replace(rule, answers=answers, described=described)


def _fitted_on(subject: Subject) -> tuple[str, pa.Table]:
    for role in ("train", "validation"):
        if role != subject.measured and role in subject.tables and subject.label in subject.tables[role].column_names:
            return role, subject.tables[role]
    return subject.measured, subject.tables[subject.measured]


def _where(role: str, subject: Subject) -> str:
    return "the measured rows, in hindsight" if role == subject.measured else f"the {role} table"


def _thinned(table: pa.Table) -> pa.Table:
    """At most `MOST_ROWS` of its rows, evenly spread."""
    if table.num_rows <= MOST_ROWS:
        return table
    return table.take(np.arange(MOST_ROWS) * table.num_rows // MOST_ROWS)


def _weights(table: pa.Table, role: str, subject: Subject) -> Floats:
    """How much each row counts: a baseline is the best for the people that the rows stand for."""
    if subject.weight is None or subject.weight not in table.column_names:
        return np.ones(table.num_rows)
    return weights_of(table, subject.weight, path=f"{role}.{subject.weight}")


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    """The value below which that share of the people lies."""
    if (weights == weights[0]).all():
        return float(np.quantile(values, share))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


def _rule(table: pa.Table, column: Column, targets: Floats, weights: Floats, task: str) -> _Rule | None:
    """The best rule of one column, or None; `targets` [rows, classes] are what is summed up, times the weights."""
    if not _usable(table, column):
        return None
    if column.kind == "number" or column.kind == "integer":
        return _limit(table, column.name, targets, weights, task)
    return _table(table, column.name, targets, weights, task)


def _table(table: pa.Table, column: str, targets: Floats, weights: Floats, task: str) -> _Rule | None:
    """An answer for each value; values that were never seen get the overall answer."""
    text = texts(table.column(column))
    values = pc.unique(text)
    if not 1 < len(values) <= MOST_CATEGORIES:
        return None

    def part(rows: pa.Table) -> Codes:
        indices = pc.index_in(texts(rows.column(column)), value_set=values).fill_null(len(values))
        return np.asarray(indices.to_numpy(), dtype=np.int64)

    codes = part(table)
    sums: Floats = np.stack([np.bincount(codes, each, minlength=len(values)) for each in targets.T], axis=1)
    rows: Floats = np.bincount(codes, weights[:, 0], minlength=len(values))[:, None].astype(np.float64)
    answers = np.vstack([sums / rows, targets.sum(axis=0) / weights.sum()])
    return _Rule(column, float(_gains(sums, rows, task).sum()), part, answers, f"by {column} alone")


def _limit(table: pa.Table, column: str, targets: Floats, weights: Floats, task: str) -> _Rule | None:
    """An answer below a limit and one above; missing numbers go with the larger ones."""
    numbers = _numbers(table, column)
    order = np.argsort(numbers, kind="stable")  # NaN comes last
    ordered = numbers[order]
    cuts = np.flatnonzero(ordered[1:] > ordered[:-1])  # between which values a limit may lie
    if len(cuts) == 0:
        return None
    below = np.cumsum(targets[order], axis=0)[cuts]
    rows = np.cumsum(weights[order], axis=0)[cuts]
    above, rest = targets.sum(axis=0) - below, weights.sum() - rows
    gains = _gains(below, rows, task) + _gains(above, rest, task)
    best = int(np.argmax(gains))
    lower, upper = ordered[cuts[best]], ordered[cuts[best] + 1]
    middle = lower / 2 + upper / 2
    limit = float(middle if middle > lower else upper)  # neighbouring numbers have no middle
    answers = np.vstack([below[best] / rows[best], above[best] / rest[best]])

    def part(rows: pa.Table) -> Codes:
        return np.asarray(~(_numbers(rows, column) < limit), dtype=np.int64)

    return _Rule(column, float(gains[best]), part, answers, f"by {column} below {limit:.6g} or not")


def _of_id(table: pa.Table, column: Column, targets: Floats, weights: Floats) -> list[_Rule]:
    """Rules by a part of an id. Their gain is that on the other half of the rows, and beyond chance."""
    if not _usable(table, column):
        return []
    chance = targets.sum(axis=0).max() + _BEYOND_CHANCE * float(np.sqrt((weights**2).sum())) / 2
    second = np.random.default_rng(0).random(table.num_rows) < _HALF
    rules = []
    for id_part in id_parts(table, column.name, number=column.kind in ("number", "integer")):
        codes, gain = id_part.part(table), 0.0
        for fitted, held_out in ((~second, second), (second, ~second)):
            answers = _answers(codes[fitted], targets[fitted], weights[fitted], id_part.parts).argmax(axis=1)
            rows = np.flatnonzero(held_out)
            gain += float(targets[rows, answers[codes[rows]]].sum())
        if gain > chance:
            answers = _answers(codes, targets, weights, id_part.parts)
            rules.append(_Rule(column.name, gain, id_part.part, answers, f"by {id_part.described}"))
    return rules


def _answers(codes: Codes, targets: Floats, weights: Floats, parts: int) -> Floats:
    """The shares of the classes in each part, [parts + 1, classes]; an empty part gets those of all rows."""
    sums: Floats = np.stack([np.bincount(codes, each, minlength=parts + 1) for each in targets.T], axis=1)
    rows = np.bincount(codes, weights[:, 0], minlength=parts + 1)[:, None]
    overall = targets.sum(axis=0) / weights.sum()
    return np.where(rows > 0, sums / np.where(rows > 0, rows, 1), overall)


def _usable(table: pa.Table, column: Column) -> bool:
    return column.name in table.column_names and not pa.types.is_nested(table.column(column.name).type)


def _gains(sums: Floats, rows: Floats, task: str) -> Floats:
    """Rows that are right, or how far squares of means reach into the sum of squares: the more the better."""
    gains: Floats = sums[:, 0] ** 2 / rows[:, 0] if task == "regression" else sums.max(axis=1)
    return gains


def _numbers(table: pa.Table, column: str) -> Floats:
    return np.asarray(pc.cast(table.column(column), pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _like(subject: Subject) -> Signature:
    own = subject.predictor.signature
    return Signature(inputs=(), task=own.task, classes=own.classes, positive=own.positive)


def _classes(rows: pa.Table, subject: Subject, shares: Floats) -> Predictions:
    return _named(np.broadcast_to(shares, (rows.num_rows, len(shares))), subject.predictor.signature.classes)


def _by_rule(rows: pa.Table, rule: _Rule, subject: Subject) -> Predictions:
    answers = rule.answers[rule.part(rows)]
    if subject.task == "regression":
        return Predictions(answers[:, 0], None)
    return _named(answers, subject.predictor.signature.classes)


def _named(shares: Floats, classes: Sequence[str]) -> Predictions:
    names: NDArray[np.object_] = np.array(classes, dtype=object)
    return Predictions(names[shares.argmax(axis=1)], np.array(shares))
