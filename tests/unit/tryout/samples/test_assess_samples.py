"""A release on its samples: the trial's own numbers, and honest gaps where samples cannot tell."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.errors import InputError
from seatrial.models.signature import Column, Signature
from seatrial.rows import rows_of
from seatrial.trial.measure import TrialInputs, measure
from seatrial.trial.model import Model
from seatrial.trial.question import Question
from seatrial.trial.test_uses.ledger import TestData
from seatrial.tryout.samples.assess_samples import SampledAssessment, ServedRelease, assess_samples
from seatrial.tryout.samples.recorded_answers import differing_answers, recorded_answers
from seatrial.tryout.samples.sample_files import SampledRows
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse
from seatrial.verdicts.verdict import Outcome
from tests.unit.tryout.samples.written import (
    DIGEST,
    PACKAGE,
    PREDICTOR,
    SIGNATURE,
    content,
    inputs,
    labels_of,
    put,
    read,
)

ACCURATE = Requirement("accuracy", at_least=0.8)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@dataclass
class Uses:
    """Counts every look."""

    looks: list[tuple[str, str]] = field(default_factory=list)

    def record(self, test_data: TestData, *, model: str, evaluation: str) -> TestUse:
        self.looks.append((model, evaluation))
        return TestUse(test_data.digest, test_data.rows, len(self.looks))


def assess(
    samples: SampledRows,
    labels: pa.Table,
    *require: Requirement,
    groups: tuple[str, ...] = (),
    uses: Uses | None = None,
    cluster: str | None = None,
    **policy: Any,
) -> SampledAssessment:
    return assess_samples(
        ServedRelease("census@1", DIGEST, "m" * 64, PACKAGE, Policy(require=require, **policy)),
        samples,
        rows_of(labels),
        Question(label="late", groups=groups, cluster=cluster),
        origin="s3://samples",
        uses=uses or Uses(),
        counted="here",
        now=NOW,
    )


@pytest.fixture
def samples(tmp_path: Path) -> SampledRows:
    put(tmp_path, "a.parquet", content(inputs(600)))
    return read(tmp_path)


def without(tmp_path: Path, *names: str) -> SampledRows:
    put(tmp_path, "without/a.parquet", content(inputs(600), without=names))
    return read(tmp_path / "without")


def reason_of(result: SampledAssessment, requirement: Requirement) -> str:
    finding = next(item for item in result.assessment.findings if item.requirement == requirement)
    assert finding.outcome is Outcome.INCONCLUSIVE
    return finding.reason


def notes(result: SampledAssessment) -> str:
    return "\n".join(map(str, result.assessment.notes))


def test_the_numbers_are_those_of_a_trial_on_the_same_rows(samples: SampledRows) -> None:
    labels = labels_of(samples, right=0.9)
    result = assess(samples, labels, ACCURATE, groups=("sex",))
    rows = samples.table.select(["age", "sex"]).append_column("late", labels["late"])
    question = Question(label="late", groups=("sex",), task="binary", positive="yes")
    trial = measure(
        question,
        TrialInputs(Model("m", PREDICTOR, PACKAGE), rows_of(rows)),
        Policy(require=(ACCURATE,)),
        groups=[],
        uses=Uses(),
    ).trial
    own = {(item.claim, item.slice): item for item in result.assessment.trial.evidence}
    for item in trial.evidence:
        assert own[item.claim, item.slice] == item
    assert result.assessment.outcome is Outcome.PASS
    assert (result.differing_answers, result.assessment.trial.model) == (0, "m" * 64)


def test_a_model_gone_bad_fails_and_each_look_is_counted(samples: SampledRows) -> None:
    uses = Uses()
    assert assess(samples, labels_of(samples, right=0.6), ACCURATE, uses=uses).assessment.outcome is Outcome.FAIL
    turned = assess(samples, labels_of(samples, right=0.0), ACCURATE, uses=uses).assessment
    assert turned.outcome is Outcome.FAIL  # what its release says of its classes was tried: nobody asks again
    assert turned.trial.confidence == pytest.approx(1 - 0.05 / 6)
    assert len(uses.looks) == 2


def test_clusters_of_texts_are_counted(samples: SampledRows) -> None:
    labels = labels_of(samples).append_column("person", pa.array([f"p{row % 300}" for row in range(600)]))
    assert '600 rows are 300 values of "person"' in reason_of(
        assess(samples, labels, ACCURATE, cluster="person"), ACCURATE
    )


def test_answers_read_from_rows_are_the_models(samples: SampledRows) -> None:
    read_back, answered = (
        recorded_answers(SIGNATURE, samples.kept).predict(samples.table),
        PREDICTOR.predict(samples.table),
    )
    assert read_back.labels.tolist() == answered.labels.tolist()
    assert read_back.probabilities is not None
    assert answered.probabilities is not None
    assert read_back.probabilities.tolist() == answered.probabilities.tolist()


def test_numbers_and_intervals_are_read_from_rows_too() -> None:
    signature = Signature((Column("x", "number"),), "regression", interval=True)
    table = pa.table({"x": [1.0, 2.0], "predicted": [1.5, None], "lower": [1.0, None], "upper": [2.0, None]})
    answers = recorded_answers(signature, ("x",)).predict(table)
    assert answers.interval is not None
    assert (answers.labels[0], answers.interval[0].tolist()) == (1.5, [1.0, 2.0])
    assert answers.unanswered.tolist() == [False, True]


def test_a_group_that_samples_do_not_keep_comes_with_the_labels_or_is_not_measured(
    samples: SampledRows, tmp_path: Path
) -> None:
    gap = Requirement("accuracy", gap_between="sex", at_most=0.2)
    dropped, labels = without(tmp_path, "sex"), labels_of(samples, right=0.9)
    lacking = assess(dropped, labels, ACCURATE, gap, groups=("sex",))
    assert "neither samples nor labels have sex" in reason_of(lacking, gap)
    assert lacking.assessment.outcome is Outcome.INCONCLUSIVE
    given = assess(dropped, labels.append_column("sex", samples.table["sex"]), ACCURATE, gap, groups=("sex",))
    kept = assess(samples, labels, ACCURATE, gap, groups=("sex",))
    assert given.assessment.outcome is kept.assessment.outcome is Outcome.PASS

    def gaps(result: SampledAssessment) -> list[Any]:
        return [item for item in result.assessment.trial.evidence if item.claim == gap.claim]

    assert gaps(given) == gaps(kept)


def test_what_needs_inputs_that_were_dropped_is_not_measured(tmp_path: Path, samples: SampledRows) -> None:
    dropped, labels = without(tmp_path, "sex"), labels_of(samples, right=0.9)
    flips = Requirement("counterfactual_flip_rate", at_most=0.9)
    column = Requirement("one_column_accuracy", at_most=0.99)
    copies = Requirement("duplicate_share", at_most=0.5)
    result = assess(dropped, labels, ACCURATE, flips, column, copies)
    assert "it needs the model asked anew, and the samples do not keep sex" in reason_of(result, flips)
    for requirement in (column, copies):
        assert "it needs every input, and the samples do not keep sex" in reason_of(result, requirement)
    assert result.differing_answers is None
    assert "answers could not be compared with census@1" in notes(result)


def test_comparisons_and_the_trials_own_data_are_not_measured(samples: SampledRows) -> None:
    better = Requirement("accuracy", no_worse_than="newest_passed")
    overlap = Requirement("test_overlap", at_most=0.0)
    result = assess(samples, labels_of(samples), ACCURATE, better, overlap)
    assert "newest_passed was not asked" in reason_of(result, better)
    assert "the trial's test data" in reason_of(result, overlap)
    assert result.assessment.outcome is Outcome.INCONCLUSIVE


def test_a_policy_of_which_nothing_can_be_measured_holds_not(samples: SampledRows) -> None:
    better = Requirement("accuracy", no_worse_than="newest_passed")
    assert assess(samples, labels_of(samples), better).assessment.outcome is Outcome.INCONCLUSIVE


def test_labels_that_are_missing_decide_nothing_and_are_told(samples: SampledRows) -> None:
    half = assess(samples, labels_of(samples).slice(0, 300), ACCURATE)
    assert half.assessment.outcome is Outcome.INCONCLUSIVE
    assert notes(half).count("300 of 600 rows (50.0%) have no late") == 1
    most = assess(samples, labels_of(samples).slice(0, 598), ACCURATE)
    assert most.assessment.outcome is Outcome.PASS  # whatever the two are, it holds


def answered(samples: SampledRows, answers: list[str | None]) -> SampledRows:
    place = samples.table.column_names.index("predicted")
    table = samples.table.set_column(place, "predicted", pa.array(answers, pa.string()))
    return replace(samples, table=table, complete=table)


def test_answers_that_the_release_does_not_give_are_measured_and_let_nothing_pass(samples: SampledRows) -> None:
    forged = answered(samples, ["no" if row == 3 else "yes" for row in range(samples.table.num_rows)])
    result = assess(forged, labels_of(forged), ACCURATE)
    assert result.differing_answers
    told = f"{result.differing_answers} of 600 rows"
    assert f"{told} were answered otherwise than census@1" in reason_of(result, ACCURATE)
    assert told in notes(result)
    accuracy = next(item for item in result.assessment.trial.evidence if item.claim == ACCURATE.claim)
    assert accuracy.estimate == 1.0


def test_answers_that_are_missing_where_the_release_answers_are_not_its_own(samples: SampledRows) -> None:
    unanswered = answered(samples, [None] * samples.table.num_rows)
    assert differing_answers(unanswered.complete, PREDICTOR) == samples.table.num_rows
    assert differing_answers(samples.complete, PREDICTOR) == 0


def test_one_file_without_an_input_does_not_silence_the_comparison_of_others(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", changed_answers(content(inputs(300))))
    put(tmp_path, "b.parquet", content(inputs(300, 2), request="s", without=["sex"]))
    samples = read(tmp_path)
    result = assess(samples, labels_of(samples), ACCURATE)
    assert result.differing_answers == 300
    reason = reason_of(result, ACCURATE)
    assert "300 of 300 rows were answered otherwise" in reason
    assert "300 of 600 rows are from files without sex" in reason
    assert "300 of 600 rows could not be compared with census@1" in notes(result)


def test_files_that_disagree_on_the_inputs_that_they_keep_decide_nothing(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", content(inputs(300), without=["age"]))
    put(tmp_path, "b.parquet", content(inputs(300, 2), request="s"))
    samples = read(tmp_path)
    result = assess(samples, labels_of(samples), ACCURATE)
    assert (result.differing_answers, samples.complete.num_rows, samples.uneven) == (0, 300, ("age",))
    assert "files without age" in reason_of(result, ACCURATE)


def changed_answers(data: bytes) -> bytes:
    """The file with every answer the other one."""
    table = pyarrow.parquet.read_table(pa.BufferReader(data))
    other = pa.array(["no" if answer == "yes" else "yes" for answer in table["predicted"].to_pylist()])
    table = table.set_column(table.column_names.index("predicted"), "predicted", other)
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def test_shares_that_differ_let_nothing_pass_and_strange_files_are_told(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", content(inputs(300)))
    put(tmp_path, "b.parquet", content(inputs(300, 2), request="s", share=0.1))
    put(tmp_path, "notes.txt", b"mine")
    samples = read(tmp_path)
    result = assess(samples, labels_of(samples), ACCURATE)
    assert "different shares (0.5, 0.1)" in reason_of(result, ACCURATE)
    assert "notes.txt: it is not Parquet" in notes(result)


def test_files_of_the_releases_own_folder_that_cannot_be_read_let_nothing_pass(tmp_path: Path) -> None:
    put(tmp_path, "census/1/2026-11-01/a.parquet", content(inputs(600)))
    put(tmp_path, "census/1/notes.txt", b"mine")
    samples = read(tmp_path)
    assert assess(samples, labels_of(samples), ACCURATE).assessment.outcome is Outcome.PASS
    put(tmp_path, "census/1/2026-11-01/b.parquet", b"PAR1 and no more than this PAR1")
    lacking = assess(read(tmp_path), labels_of(samples), ACCURATE)
    assert "1 Parquet file of the release's folder left out" in reason_of(lacking, ACCURATE)


def test_labels_without_rows_are_of_the_first_row_of_their_request(tmp_path: Path) -> None:
    columns = inputs(200)
    for row in range(200):
        one = {name: values[row : row + 1] for name, values in columns.items()}
        put(tmp_path, f"{row:03}.parquet", content(one, request=f"r{row}"))
    samples = read(tmp_path)
    result = assess(samples, labels_of(samples).drop_columns(["row"]), ACCURATE)
    assert (result.joined.labelled, result.assessment.outcome) == (200, Outcome.PASS)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda labels: labels.drop_columns(["request_id"]), "does not have a column|do not have a column"),
        (lambda labels: labels.drop_columns(["late"]), "do not have a column 'late'"),
        (lambda labels: labels.set_column(1, "row", pa.array(["first"] * 600)), "row whole numbers"),
        (lambda labels: labels.set_column(1, "row", pa.array([0.5] * 600)), "row whole numbers"),
        (lambda labels: labels.set_column(0, "request_id", pa.array(["x"] * 600)), "none of the 600 sampled rows"),
        (lambda labels: labels.set_column(2, "late", pa.array(["perhaps"] * 600)), "perhaps"),
    ],
)
def test_labels_that_cannot_be_used_cost_no_look(samples: SampledRows, change: Any, problem: str) -> None:
    uses = Uses()
    with pytest.raises(InputError, match=problem):
        assess(samples, change(labels_of(samples)), ACCURATE, uses=uses)
    assert uses.looks == []


def test_samples_without_any_input_are_refused(tmp_path: Path) -> None:
    dropped = without(tmp_path, "age", "sex")
    with pytest.raises(InputError, match="keep none of the inputs"):
        assess(dropped, labels_of(dropped), ACCURATE)
