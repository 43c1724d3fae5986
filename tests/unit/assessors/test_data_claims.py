"""Claims about the measured rows themselves."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors import data_claims
from seatrial.assessors.assessor import DataFacts, Subject
from seatrial.assessors.claims import ONE_COLUMN
from seatrial.assessors.references.baselines import one_column_rule
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

SIGNATURE = Signature((Column("leak", "number"), Column("age", "number")), "binary", ("no", "yes"), "yes", 0.5)


class Coin:
    signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        return Predictions(np.full(rows.num_rows, "no", object), np.full((rows.num_rows, 2), 0.5))


@pytest.fixture
def subject() -> Subject:
    rng = np.random.default_rng(1)
    yes = rng.random(400) < 0.4
    table = pa.table(
        {"leak": pa.array(yes * 2.0), "age": pa.array(rng.normal(size=400)), "y": pa.array(np.where(yes, "yes", "no"))}
    )
    found = Subject(Coin(), {"test": table}, "y", "binary", positive="yes")
    rule = one_column_rule(found)
    return replace(found, references={ONE_COLUMN: rule})  # type: ignore[dict-item]  # it can be fitted here


def measured(subject: Subject, *claims: Claim) -> list[Evidence | NotMeasured]:
    return list(data_claims.assess(subject, claims, confidence=0.975, seed=1, budget_s=1))


def test_a_column_that_holds_the_answer_is_found_without_asking(subject: Subject) -> None:
    (found,) = measured(subject)
    assert isinstance(found, Evidence)
    assert found.claim == Claim("one_column_accuracy")
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert "leak" in found.conditions["rule"]


def test_rows_of_the_training_data_are_counted_and_not_estimated(subject: Subject) -> None:
    found = measured(replace(subject, facts=DataFacts(400, overlap=100)))[0]
    assert isinstance(found, Evidence)
    assert (found.low, found.estimate, found.high, found.method) == (0.25, 0.25, 0.25, "counted")


def test_the_column_with_most_unknown_texts_stands_for_all(subject: Subject) -> None:
    found = measured(replace(subject, facts=DataFacts(400, unknown={"job": 8, "town": 40})))[0]
    assert isinstance(found, Evidence)
    assert found.claim == Claim("unknown_values")
    assert found.estimate == 0.1
    assert found.low < 0.1 < found.high
    assert found.conditions["column"] == "town"


def test_what_is_asked_for_and_cannot_be_told_says_what_it_needs(subject: Subject) -> None:
    gaps = measured(subject, Claim("test_overlap"), Claim("unknown_values"))
    reasons = {str(gap.claim): gap.reason for gap in gaps if isinstance(gap, NotMeasured)}
    assert reasons == {
        "test_overlap": "it needs the training data: name it",
        "unknown_values": "the model's vocabulary is not known: it needs a codec, or the training data",
    }


def test_groups_have_no_such_claims(subject: Subject) -> None:
    (gap, _) = measured(subject, Claim("test_overlap", Family.GROUPS, "sex"))
    assert isinstance(gap, NotMeasured)


def test_a_model_without_texts_never_saw_one(subject: Subject) -> None:
    (gap, _) = measured(replace(subject, facts=DataFacts(400, unknown={})), Claim("unknown_values"))
    assert gap == NotMeasured(Claim("unknown_values"), "all", "the model takes no texts")


def test_weighted_rows_are_weighted_and_clustered_ones_are_doubted(subject: Subject) -> None:
    table = subject.tables["test"]
    table = table.append_column("w", pa.array([1, 3] * 200)).append_column("person", pa.array(list(range(200)) * 2))
    (found,) = measured(replace(subject, tables={"test": table}, weight="w", cluster="person"))
    assert isinstance(found, Evidence)
    assert (found.method, found.conditions["weights"]) == ("betting-weighted", "w")
    assert [flag.code for flag in found.flags] == ["dependent-rows"]
