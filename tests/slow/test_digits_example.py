"""The digits example does what its README says: the plain model falls to attacks, the robust one stands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.slow.conftest import Example
from tests.slow.test_census_example import evidence


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The example after both runs: digits@1 is the plain model, digits@2 the robust one."""
    folder = tmp_path_factory.mktemp("digits")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SEATRIAL_HOME": str(folder / "home"), "COLUMNS": "100"}
    begun = Example(folder, environment).call("init", "digits", "--example", "digits")
    assert begun.returncode == 0, begun.stderr
    assert begun.stdout.splitlines()[-1] == "Next: cd digits && seatrial run"
    example = Example(folder / "digits", environment)
    plain = example.json("run", status=3)
    robust = example.json("run", "--set", "model.robust=true")
    assert (plain["release"], plain["verdict"]) == ("digits@1", "fail")
    assert (robust["release"], robust["verdict"], robust["deployable"]) == ("digits@2", "pass", True)
    return example


def test_half_of_what_the_plain_model_answers_right_falls_and_the_robust_one_keeps_more_than_80_percent(
    digits: Example,
) -> None:
    (plain,) = (one for one in evidence(digits, "digits@1") if one["claim"]["metric"] == "robust_accuracy")
    (robust,) = (one for one in evidence(digits, "digits@2") if one["claim"]["metric"] == "robust_accuracy")
    assert plain["high"] < 0.60
    assert robust["estimate"] > 0.83
    assert robust["low"] >= 0.75


def test_both_were_attacked_with_gradients_of_the_module_by_every_attack_and_nothing_is_doubted(
    digits: Example,
) -> None:
    for release in ("digits@1", "digits@2"):
        (found,) = (one for one in evidence(digits, release) if one["claim"]["metric"] == "robust_accuracy")
        assert found["flags"] == []
        assert found["conditions"]["gradients"] == "of the module"
        assert found["conditions"]["left_out"] == "nothing"
        assert found["conditions"]["threat"] == "linf ≤ 0.1 within 0 to 1"


def test_no_server_was_started_for_it(digits: Example) -> None:
    assert (digits.folder / ".seatrial" / "local" / "artifacts").is_dir()  # a folder is the store


def test_with_a_second_for_the_trial_the_claim_says_what_was_left_out_and_is_no_pass(digits: Example) -> None:
    demanding = digits.folder / "seatrial.toml"
    before = demanding.read_text()
    demanding.write_text(before.replace("shape  = [8, 8]", 'shape  = [8, 8]\nrequire = ["apgd", "square"]'))
    try:
        document = digits.json("run", "--rehearse", "--set", "model.robust=true", "--budget", "0.2", status=3)
    finally:
        demanding.write_text(before)
    assert document["verdict"] == "inconclusive"
