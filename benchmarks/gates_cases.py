"""The planted cases of the self-test, drawn anew, with their data as files that any gate can read.

What the self-test states of data (copies, rows without a label, overlap, unknown texts) is really in the tables here,
and counted by the trial's own data checks. Each case gets rows that the model was trained on: another draw of the same
case with the answers to it, or what the case says of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.assessors.assessor import Subject
from seatrial.models.predictor import Predictions
from seatrial.trial.data_checks.data_checks import DataChecks
from seatrial.trial.label_column import has_label
from seatrial.trial.self_test import planted_cases
from seatrial.trial.self_test.case import Case
from seatrial.trial.self_test.stated_answers import Answers

TRAINED_ON = 1_000_000  # added to a draw's number: the draw of the training rows
FEATURES = ("score", "hours", "gain", "age")  # of the cases whose data are at fault: rows that are told apart
WITHOUT_LABEL, WITHOUT_ANSWER = 10, 20  # one row in so many
PLACE = "place"  # the row's number, by which the planted model knows what to answer: no feature
_NOISE = 91


@dataclass(frozen=True, slots=True)
class Drawn:
    """One case in one draw: its test rows with the answers to them, and rows that its model was trained on."""

    case: Case
    subject: Subject
    features: tuple[str, ...]
    test: pa.Table
    answers: Predictions
    train: pa.Table
    train_answers: Predictions

    @property
    def bad(self) -> bool:
        """Whether it was planted to be caught."""
        return self.case.caught_by is not None


def drawn_cases(draw: int) -> Iterator[Drawn]:
    """Every planted case in one draw."""
    for case, trained in zip(planted_cases(draw), planted_cases(draw + TRAINED_ON), strict=True):
        yield _drawn(case, trained, draw)


def write_case(drawn: Drawn, folder: Path) -> None:
    """The case as an adapter reads it (benchmarks/gate_adapters/contract.py); nothing in it says that it is bad."""
    folder.mkdir(parents=True)
    subject, signature = drawn.subject, drawn.subject.predictor.signature
    about = {
        "task": subject.task,
        "label": subject.label,
        "classes": list(signature.classes),
        "positive": subject.positive,
        "features": list(drawn.features),
        "groups": list(_groups(drawn.case)),
        "weight": subject.weight,
        "quantile": drawn.case.policy.quantile,
        "threat": {name: threat.budget for name, threat in drawn.case.policy.threat.items()},
        "told": isinstance(subject.predictor, Answers),
        "require": [
            {item.name: value for item in fields(each) if (value := getattr(each, item.name)) is not None}
            for each in drawn.case.require
        ],
    }
    (folder / "case.json").write_text(json.dumps(about), encoding="utf-8")
    for name, table in (("test", drawn.test), ("train", drawn.train)):
        pq.write_table(table, folder / f"{name}.parquet")
    for name, answers in (("answers", drawn.answers), ("train_answers", drawn.train_answers)):
        pq.write_table(answer_table(answers), folder / f"{name}.parquet")


def answer_table(answers: Predictions) -> pa.Table:
    """prediction; p0, p1, … of the classes; low and high where there are intervals."""
    columns: dict[str, object] = {"prediction": pa.array(answers.labels, from_pandas=True)}
    if answers.probabilities is not None:
        columns |= {f"p{place}": values for place, values in enumerate(answers.probabilities.T)}
    if answers.interval is not None:
        columns |= {"low": answers.interval[:, 0], "high": answers.interval[:, 1]}
    return pa.table(columns)


def _groups(case: Case) -> tuple[str, ...]:
    columns = (each.by or each.gap_between for each in case.require)
    return tuple(dict.fromkeys(column for column in columns if column))


def _drawn(case: Case, trained: Case, draw: int) -> Drawn:
    subject, other = case.make(), trained.make()
    features = tuple(column.name for column in subject.predictor.signature.inputs if column.name != PLACE)
    tables = [_uncrossed(each.tables["test"]) for each in (subject, other)]
    answers = [each.predictor.predict(each.tables["test"]) for each in (subject, other)]
    if not features:
        features = ("score",)
        tables = [_with_noise(table, features, (_NOISE, draw, place)) for place, table in enumerate(tables)]
    drawn = Drawn(case, subject, features, tables[0], answers[0], tables[1], answers[1])
    if case.name not in _REAL:
        return drawn
    features = FEATURES
    tables = [_with_noise(table, features, (_NOISE, draw, place)) for place, table in enumerate(tables)]
    return _counted(_REAL[case.name](replace(drawn, features=features, test=tables[0], train=tables[1])))


def _uncrossed(table: pa.Table) -> pa.Table:
    return table.select([name for name in table.column_names if "*" not in name])


def _with_noise(table: pa.Table, features: tuple[str, ...], seed: tuple[int, ...]) -> pa.Table:
    rng = np.random.default_rng(seed)
    for name in features:
        if name not in table.column_names:
            table = table.append_column(name, pa.array(rng.normal(size=table.num_rows)))
    return table


def _as_it_is(drawn: Drawn) -> Drawn:
    return drawn


def _trained_on_test_rows(drawn: Drawn) -> Drawn:
    half = drawn.test.num_rows // 2
    return replace(drawn, train=drawn.test.slice(0, half), train_answers=_taken(drawn.answers, np.arange(half)))


def _unknown_texts(drawn: Drawn) -> Drawn:
    """A third of the rows have a job that no training row has."""
    rows = np.arange(drawn.test.num_rows)
    test = drawn.test.append_column("job", pa.array(np.where(rows % 3 == 0, "pilot", "sailor")))
    train = drawn.train.append_column("job", pa.array(["sailor"] * drawn.train.num_rows))
    return replace(drawn, features=(*drawn.features, "job"), test=test, train=train)


def _copied(drawn: Drawn) -> Drawn:
    """The second half of the rows are the first again."""
    places = np.arange(drawn.test.num_rows) % (drawn.test.num_rows // 2)
    return replace(drawn, test=drawn.test.take(pa.array(places)), answers=_taken(drawn.answers, places))


def _unlabelled(drawn: Drawn) -> Drawn:
    rows = np.arange(drawn.test.num_rows)
    label = np.asarray(drawn.test.column("y").to_pylist(), object)
    label[rows % WITHOUT_LABEL == 0] = None
    place = drawn.test.column_names.index("y")
    return replace(drawn, test=drawn.test.set_column(place, "y", pa.array(label, pa.string())))


def _unanswered(drawn: Drawn) -> Drawn:
    lost = np.arange(drawn.test.num_rows) % WITHOUT_ANSWER == 0
    assert drawn.answers.probabilities is not None
    labels = np.where(lost, None, drawn.answers.labels)
    chances = np.where(lost[:, None], np.nan, drawn.answers.probabilities)
    return replace(drawn, answers=Predictions(labels, chances))


def _taken(answers: Predictions, places: np.ndarray) -> Predictions:
    chances = None if answers.probabilities is None else answers.probabilities[places]
    return Predictions(answers.labels[places], chances)


def _counted(drawn: Drawn) -> Drawn:
    """With the facts that the trial's own checks count in these tables, and the subject as the trial measures it."""
    label = drawn.subject.label
    checks = DataChecks(drawn.test.schema, label=label, task=drawn.subject.task, inputs=drawn.features)
    checks.see(drawn.test)
    checks.see_train(drawn.train)
    facts = replace(checks.facts(), unanswered=sum(answer is None for answer in drawn.answers.labels.tolist()))
    labelled = np.asarray(has_label(drawn.test.column(label)))
    measured = drawn.subject.tables["test"].filter(pa.array(labelled))
    return replace(drawn, subject=replace(drawn.subject, facts=facts, tables={"test": measured}))


# By case: what the self-test states of its data, made so.
_REAL: Mapping[str, Callable[[Drawn], Drawn]] = {
    "rows that are whole, and each there once": _as_it_is,
    "trained on the test data": _trained_on_test_rows,
    "a wrong vocabulary": _unknown_texts,
    "half of the rows are copies of others": _copied,
    "one row in ten has no label": _unlabelled,
    "one row in twenty is not answered": _unanswered,
}
