"""A census model on trial, as a `ReportView`: counts of the size of UCI Adult's test split, bounds computed as ever.

The model fails on the differences between the sexes; race is not gated, and undecidable with 13 positive rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import numpy as np

from seatrial.models.provenance import DataSnapshot, Provenance
from seatrial.report.view import ReportView, TryInputs, WaiverNote
from seatrial.verdicts.bounds.differences import Count, proportion_differences
from seatrial.verdicts.bounds.interval import simultaneous_confidence
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag, NotMeasured
from seatrial.verdicts.example_images import CONDITION, Example, write_examples
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy.threat import ThreatModel
from seatrial.verdicts.trial import TestUse, Trial

CONFIDENCE = 0.975  # use 1 at α = 0.05
ROWS = 8_284


@dataclass(frozen=True)
class Group:
    rows: int
    positive: int
    true_positive: int
    false_positive: int


GROUPS: Mapping[str, Mapping[str, Group]] = {
    "sex": {"Female": Group(2_746, 301, 138, 59), "Male": Group(5_538, 1_702, 1_078, 400)},
    "race": {
        "Amer-Indian-Eskimo": Group(88, 13, 6, 4),
        "Asian-Pac-Islander": Group(291, 78, 51, 19),
        "Black": Group(803, 98, 51, 21),
        "Other": Group(74, 10, 5, 1),
        "White": Group(7_028, 1_804, 1_121, 414),
    },
    "age_band": {
        "17–24": Group(1_388, 17, 3, 4),
        "25–34": Group(2_132, 322, 165, 82),
        "35–44": Group(2_001, 674, 417, 147),
        "45–54": Group(1_516, 588, 396, 133),
        "55–64": Group(874, 307, 197, 70),
        "65+": Group(373, 95, 56, 23),
    },
}
REQUIREMENTS = (
    Requirement("accuracy", at_least=0.83),
    Requirement("roc_auc", at_least=0.88),
    Requirement("selection_rate", at_most=0.10, gap_between="sex"),
    Requirement("true_positive_rate", at_most=0.10, gap_between="sex"),
    Requirement("false_positive_rate", at_most=0.10, gap_between="sex"),
    Requirement("true_positive_rate", at_least=0.50, by="age_band"),
)
BINS = ((0.004, 829, 2), (0.013, 828, 9), (0.032, 829, 31), (0.068, 828, 48), (0.121, 828, 97), (0.207, 829, 188),
        (0.318, 828, 246), (0.468, 829, 402), (0.652, 828, 524), (0.868, 828, 456 + 250))  # fmt: skip
AMONG = {"selection_rate": "rows", "true_positive_rate": "positive rows", "false_positive_rate": "negative rows"}


def counts(metric: str, group: Group) -> Count:
    selected, negative = group.true_positive + group.false_positive, group.rows - group.positive
    right = group.rows - group.false_positive - (group.positive - group.true_positive)
    return {
        "accuracy": Count(right, group.rows),
        "selection_rate": Count(selected, group.rows),
        "true_positive_rate": Count(group.true_positive, group.positive),
        "false_positive_rate": Count(group.false_positive, negative),
    }[metric]


def rates(column: str, groups: Mapping[str, Group], metric: str) -> Iterator[Evidence]:
    names = list(groups)
    members = [counts(metric, groups[name]) for name in names]
    each = simultaneous_confidence(CONFIDENCE, len(names))
    conditions = {"among": AMONG[metric], "weights": "unweighted"}
    for name, member in zip(names, members, strict=True):
        found = proportion(member.successes, member.rows, confidence=each)
        yield Evidence(
            Claim(metric, Family.GROUPS, column), f"{column}={name}", found.estimate, found.low, found.high, CONFIDENCE,
            member.rows, found.method, conditions,
        )  # fmt: skip
    pairs = list(combinations(range(len(names)), 2))
    each = simultaneous_confidence(CONFIDENCE, len(pairs))
    differences = proportion_differences([(members[i], members[j]) for i, j in pairs], confidence=each)
    for (i, j), found in zip(pairs, differences, strict=True):
        both = members[i].rows + members[j].rows
        yield Evidence(
            Claim(metric, Family.PAIRS, column), f"{column}: {names[i]} − {names[j]}",
            found.estimate, found.low, found.high, CONFIDENCE, both, found.method, conditions,
        )  # fmt: skip


def overall() -> Iterator[Evidence]:
    for metric, estimate, low, high, method, conditions in (
        ("accuracy", 0.8512, 0.8434, 0.8587, "clopper-pearson", {}),
        ("roc_auc", 0.9078, 0.9006, 0.9146, "delong-logit", {}),
        ("log_loss", 0.3181, 0.3062, 0.3309, "betting", {"clip": "0.001"}),
        ("calibration_error", 0.0164, 0.0041, 0.0317, "betting-signed-bins", {"bins": "10"}),
    ):
        yield Evidence(Claim(metric), "all", estimate, low, high, CONFIDENCE, ROWS, method, conditions)
    each = simultaneous_confidence(CONFIDENCE, len(BINS))
    for index, (stated, rows, happened) in enumerate(BINS):
        found = proportion(happened, rows, confidence=each)
        conditions = {
            "mean_confidence": str(stated),
            "observed_rate": str(found.estimate),
            "observed_low": str(found.low),
            "observed_high": str(found.high),
        }
        yield Evidence(
            Claim("calibration_gap"), f"bin {index + 1}", abs(found.estimate - stated), 0.0, 0.1, CONFIDENCE, rows,
            "betting", conditions,
        )  # fmt: skip


@cache  # exact bounds of a hundred pairs take seconds
def census_trial() -> Trial:
    by_group = [
        one
        for column, members in GROUPS.items()
        for metric in ("selection_rate", "true_positive_rate", "false_positive_rate")
        for one in rates(column, members, metric)
    ]
    return Trial(
        model="4e1f6a0c" * 8,
        policy="90ab77d2" * 8,
        data="test",
        confidence=CONFIDENCE,
        seed=7,
        evidence=(*overall(), *by_group),
        not_measured=(
            NotMeasured(
                Claim("robust_accuracy"), "all", "the model takes categories and counts: no distance is meaningful"
            ),
        ),
        test_use=TestUse("c07d5e93" * 8, ROWS, 1),
    )


PROVENANCE = Provenance(
    code="1d9c" * 16,
    step_key="77aa" * 16,
    parameters={"epochs": 8, "mitigate": False, "seed": 7},
    data=(
        DataSnapshot("train", "census.features_train", 5630122734123381552, "ab12" * 16),
        DataSnapshot("validation", "census.features_validation", 2184610091273301120, "cd34" * 16),
    ),
    python="3.11.2",
    libraries={"torch": "2.13.0", "numpy": "2.4.6"},
)
WAIVER = WaiverNote(
    requirement="true_positive_rate gap between sex ≤ 0.1",
    reason="Pilot with human review of every answer; the mitigated model replaces it.",
    until="2026-12-20 12:00 UTC",
    key="head of the registry, b7f0b7f0b7f0",
)


def census_view(
    *,
    waivers: tuple[WaiverNote, ...] = (),
    rehearsal: bool = False,
) -> ReportView:
    policy, trial = Policy(0.95, REQUIREMENTS), census_trial()
    if rehearsal:
        trial = replace(trial, data="validation", test_use=None)
    return ReportView(
        name="census",
        version=None if rehearsal else 1,
        digest=None if rehearsal else "83c1b2f9" * 8,
        created="2026-11-24T12:00:00Z",
        verdict=judge(policy, trial),
        policy=policy,
        trial=trial,
        provenance=PROVENANCE,
        made_with="0.1.0",
        waivers=waivers,
        waived=bool(waivers),
        signature_key=None if rehearsal else "5c2e" * 16,
        signer=None if rehearsal else "release key of this account",
        reproduce=("seatrial verify census@1", "seatrial run --no-cache", "seatrial diff census@1 census@2"),
    )


THREAT = ThreatModel("linf", 0.1, 0.0, 1.0, shape=(2, 2), examples=1)
UNDER_ATTACK = Policy(
    0.95,
    (
        Requirement("robust_accuracy", at_least=0.5, threat="pixels"),
        Requirement("accuracy", no_worse_than="baseline"),
    ),
    threat={"pixels": THREAT},
)
ATTACKED = {
    "threat": "linf ≤ 0.1 within 0 to 1",
    "attacks": "noise fgsm pgd-1 pgd-2 apgd-ce apgd-t1 apgd-t2 square",
    "broken_by": "clean 10, pgd-1 20, pgd-2 5, apgd-t1 1, apgd-t2 1",
    "left_out": "minimum-norm, transfer: the budget of 60 s was spent",
    "gradients": "of the module",
    "sample": "100 of 900 rows",
    "seed": "7",
    "suite": "0f990764dbe7",
}
IMAGE = Example("3", "5", "pgd-1", np.array([[0, 255], [128, 9]], np.uint8), np.array([[20, 255], [128, 9]], np.uint8))
MASKED = Flag("zero-gradients", "the gradient of 90 of 90 rows is zero: nothing shows where to go")


def robust(conditions: Mapping[str, str] = ATTACKED, flags: tuple[Flag, ...] = ()) -> Evidence:
    claim = Claim("robust_accuracy", threat="pixels")
    return Evidence(claim, "all", 0.63, 0.53, 0.72, CONFIDENCE, 100, "clopper-pearson", conditions, flags)


def tried_trial(*found: Evidence) -> Trial:
    """A trial alone, of a model of digits: its accuracy, that of each class, beside a baseline, and what is `found`."""
    beside = {
        "reference": "by a_column_with_a_very_long_name below 0.21875 or not, 0.113",
        "reference_fitted_on": "the measured rows, in hindsight",
        "model_estimate": "0.91",
        "reference_estimate": "0.113",
    }
    clean = Evidence(Claim("accuracy"), "all", 0.91, 0.89, 0.93, CONFIDENCE, 900, "clopper-pearson")
    better = Evidence(
        Claim("accuracy", against="baseline"), "all", 0.797, 0.76, 0.83, CONFIDENCE, 900, "betting", beside
    )
    classes = [
        Evidence(Claim(metric, of_class=name), "all", 0.9, 0.8, 0.95, CONFIDENCE, 90, "clopper-pearson")
        for metric in ("true_positive_rate", "precision", "f1")
        for name in ("0", "1", "a class with a long name")
    ]
    gap = NotMeasured(Claim("roc_auc"), "all", "the model gives no probabilities")
    return replace(census_trial(), evidence=(clean, better, *classes, *found), not_measured=(gap,))


def attacked_view(one: Evidence | None = None) -> ReportView:
    """Trying a model of digits alone, under attack, with doubts about the evaluation and about the data."""
    if one is None:
        one = robust({**ATTACKED, CONDITION: write_examples([IMAGE] * 3)}, (MASKED,))
    trial = tried_trial(one)
    return ReportView(
        name="https://models.example.org:8443/v2/models/a-model-with-a-long-name/versions/17/infer",
        version=None,
        digest=None,
        created="2026-11-24T12:00:00Z",
        verdict=judge(UNDER_ATTACK, trial),
        policy=UNDER_ATTACK,
        trial=trial,
        provenance=None,
        made_with="0.1.0",
        tried=TryInputs(
            "/home/somebody/with/a/long/path/to/digits-of-november.parquet",
            "digit",
            notes=("pixel_0 has the same value in every row: what the model does with another is not measured.",),
            assumptions=('task: multiclass, for "digit" holds 10 classes',),
            unasked=("Privacy of the training data: it needs that data, and the model's training",),
        ),
        reproduce=("seatrial try digits.onnx digits-of-november.parquet --label digit --policy robust.toml",),
    )
