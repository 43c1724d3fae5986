"""Rows without a label never help: where the labels that they lack could turn a pass, the evidence is flagged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import seatrial
from seatrial.trial.unlabelled import FLAG, flag_unlabelled
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial
from seatrial.verdicts.verdict import Outcome

ROWS = 1000


def outcome(requirement: Requirement, low: float, high: float, *, unlabelled: int, family: Family = Family.ALL) -> str:
    """What a policy of this requirement alone says, with "flagged" where the evidence is."""
    evidence = Evidence(requirement.claim, "all", (low + high) / 2, low, high, 0.975, ROWS, "stated")
    policy = Policy(require=(requirement,))
    trial = Trial("m", "p", "test", 0.975, 7, (evidence,), (), TestUse("d", ROWS, 1))
    trial = flag_unlabelled(trial, policy, unlabelled=unlabelled, labelled=ROWS)
    flags = [flag.code for flag in trial.evidence[0].flags]
    said = judge(policy, trial).outcome
    assert said is not None
    assert flags in ([], [FLAG])
    assert trial.evidence[0].claim.family is family
    return f"{said}{', flagged' if flags else ''}"


ACCURATE = Requirement("accuracy", at_least=0.8)
RIGHT = (ACCURATE, 0.84, 0.9)  # of 1,000 rows; with 50 wrong ones more it is 0.84 / 1.05 = 0.8 exactly


@pytest.mark.parametrize(("unlabelled", "said"), [(0, "pass"), (49, "pass"), (51, "inconclusive, flagged")])
def test_of_a_share_of_rows_every_missing_label_counts_as_a_wrong_answer(unlabelled: int, said: str) -> None:
    assert outcome(*RIGHT, unlabelled=unlabelled) == said


@pytest.mark.parametrize(("unlabelled", "said"), [(52, "pass"), (53, "inconclusive, flagged")])
def test_of_a_share_that_may_not_be_large_each_counts_as_one_more(unlabelled: int, said: str) -> None:
    few = Requirement("selection_rate", at_most=0.1)  # (0.0525 × 1,000 + n) / (1,000 + n) is 0.1 at 52.8
    assert outcome(few, 0.03, 0.0525, unlabelled=unlabelled) == said


@pytest.mark.parametrize(("unlabelled", "said"), [(10, "pass"), (11, "inconclusive, flagged")])
@pytest.mark.parametrize(
    "requirement",
    [
        Requirement("roc_auc", at_least=0.8),  # of pairs of rows
        Requirement("accuracy", gap_between="sex", at_most=1.0),  # the missing could all be of one group
        Requirement("accuracy", no_worse_than="baseline"),
    ],
    ids=str,
)
def test_where_no_count_tells_one_row_in_a_hundred_is_the_limit(
    requirement: Requirement, unlabelled: int, said: str
) -> None:
    family = requirement.claim.family
    assert outcome(requirement, 0.85, 0.9, unlabelled=unlabelled, family=family) == said


def test_a_group_counts_all_missing_labels_as_its_own() -> None:
    by_sex = Requirement("accuracy", by="sex", at_least=0.8)
    assert outcome(by_sex, 0.84, 0.9, unlabelled=51, family=Family.GROUPS) == "inconclusive, flagged"


def test_what_is_counted_of_the_rows_themselves_needs_no_labels() -> None:
    assert outcome(Requirement("unknown_values", at_most=0.5), 0.0, 0.01, unlabelled=ROWS) == "pass"


def test_evidence_that_no_requirement_rests_on_is_left_as_it_is() -> None:
    evidence = Evidence(Claim("log_loss"), "all", 0.3, 0.2, 0.4, 0.975, ROWS, "stated")
    trial = Trial("m", "p", "test", 0.975, 7, (evidence,), (), TestUse("d", ROWS, 1))
    assert flag_unlabelled(trial, Policy(require=(ACCURATE,)), unlabelled=ROWS, labelled=ROWS) == trial


def test_what_failed_does_not_pass_by_rows_without_a_label() -> None:
    assert outcome(ACCURATE, 0.5, 0.6, unlabelled=500) != "pass"


@pytest.mark.parametrize("metric", ["accuracy", "true_positive_rate", "roc_auc", "f1", "balanced_accuracy"])
@pytest.mark.parametrize("emptied", [1.0, 0.5])
def test_emptying_the_labels_that_were_answered_wrongly_never_leads_to_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, emptied: float
) -> None:
    """Planted: one answer in five is wrong, and the labels of those (or of half of them) are taken out."""
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path))
    random = np.random.default_rng(5)
    x = random.normal(size=2000)
    wrong = random.random(2000) < 0.2
    label = np.where((x > 0) ^ wrong, "yes", "no").astype(object)
    label[wrong & (random.random(2000) < emptied)] = None
    table = pa.table({"x": pa.array(x), "y": pa.array(label.tolist(), pa.string())})
    policy = tmp_path / "policy.toml"
    policy.write_text(f'[policy]\n[[policy.require]]\nmetric = "{metric}"\nat_least = 0.85\n')

    def model(rows: pa.Table) -> NDArray[np.float64]:
        answers: NDArray[np.float64] = np.where(rows["x"].to_numpy() > 0, 0.95, 0.05)
        return answers

    found = seatrial.assess(model, table, label="y", positive="yes", inputs=["x"], policy=policy)
    assert found.outcome is not Outcome.PASS
