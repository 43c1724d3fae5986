"""Policies to start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.errors import InputError
from seatrial.models.signature import Task
from seatrial.trial.measure import compared_models
from seatrial.trial.question import Question
from seatrial.tryout.policy_file import default_policy, policy_for, policy_of_file


@pytest.mark.parametrize(
    ("task", "required"),
    [
        ("binary", "accuracy no worse than baseline"),
        ("multiclass", "accuracy no worse than baseline"),
        ("regression", "mae no worse than baseline"),
    ],
)
def test_by_default_a_model_has_to_beat_the_baseline(task: Task, required: str) -> None:
    assert [str(one) for one in default_policy(task).require] == [required]


@pytest.mark.parametrize(
    ("task", "margin", "required"),
    [
        ("binary", None, "accuracy no worse than old.onnx by 0.01"),
        ("binary", 0.05, "accuracy no worse than old.onnx by 0.05"),
        ("regression", None, "mae no worse than old.onnx"),
    ],
)
def test_and_not_to_be_worse_than_what_runs_now(task: Task, margin: float | None, required: str) -> None:
    assert str(default_policy(task, against="old.onnx", margin=margin).require[-1]) == required


def test_with_a_clip_a_regression_is_judged_by_the_errors_that_have_a_bound() -> None:
    policy = default_policy("regression", clip=5.0, against="old.onnx")
    assert [str(one) for one in policy.require] == [
        "clipped_mae no worse than baseline",
        "clipped_mae no worse than old.onnx",
    ]


def test_a_project_file_is_a_policy_file_too(tmp_path: Path) -> None:
    path = tmp_path / "seatrial.toml"
    path.write_text(
        '[project]\nname = "census"\n[policy]\nconfidence = 0.9\n'
        '[[policy.require]]\nmetric = "true_positive_rate"\ngap_between = "age"\nat_most = 0.1\n'
    )
    policy = policy_of_file(path, groups=["age"], task="binary")
    assert policy.confidence == 0.9
    assert [str(one) for one in policy.require] == ["true_positive_rate gap between age ≤ 0.1"]


def test_what_a_file_compares_with_is_the_model_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[[policy.require]]\nmetric = "roc_auc"\nno_worse_than = "newest_passed"\n')
    policy = policy_for(str(path), Question("y"), (), "binary", "old.onnx")
    assert len(policy.require) == 1
    assert compared_models(policy) == ("newest_passed",)


def test_a_file_that_compares_with_nothing_is_made_to(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[[policy.require]]\nmetric = "accuracy"\nat_least = 0.5\n')
    policy = policy_for(str(path), Question("y"), parse_groups(()), "binary", "old.onnx")
    assert [str(one) for one in policy.require] == ["accuracy ≥ 0.5", "accuracy no worse than old.onnx by 0.01"]


def test_a_file_without_a_policy_says_how_one_begins(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("[project]\n")
    with pytest.raises(InputError, match=r"\[\[policy.require\]\]"):
        policy_of_file(path, groups=[], task="binary")
