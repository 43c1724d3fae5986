"""Why a key changed, in words that a person can use."""

from __future__ import annotations

from dataclasses import replace

from seatrial.pipeline.jobs.step_key import KeyParts, changes

BEFORE = KeyParts("model", "python", "1" * 64, {"epochs": 5, "policy": "a" * 64}, {"train": "b" * 64})


def test_a_parameter_is_shown_with_both_values() -> None:
    now = replace(BEFORE, parameters={**BEFORE.parameters, "epochs": 8})
    assert changes("model", BEFORE, now) == ("parameter model.epochs 5 → 8",)


def test_a_parameter_that_is_new_was_absent() -> None:
    now = replace(BEFORE, parameters={**BEFORE.parameters, "mitigate": True})
    assert changes("model", BEFORE, now) == ("parameter model.mitigate absent → True",)


def test_a_digest_has_changed_and_its_digits_are_not_shown() -> None:
    now = replace(BEFORE, parameters={**BEFORE.parameters, "policy": "c" * 64})
    assert changes("model", BEFORE, now) == ("parameter model.policy changed",)


def test_an_input_and_the_code_have_changed_without_digits() -> None:
    now = replace(BEFORE, code="2" * 64, inputs={"train": "d" * 64})
    assert changes("model", BEFORE, now) == ("code changed", "input train changed")


def test_the_number_of_workers_is_shown_and_one_is_the_key_of_a_step_that_names_none() -> None:
    pinned = replace(BEFORE, python="3.11")
    assert pinned.key == "6169c8c9a7abee6556d14cc8c4925aca563f038d3850a4727ee6b463146e9137"  # as before there were any
    two, four = replace(pinned, workers=2), replace(pinned, workers=4)
    assert len({pinned.key, two.key, four.key}) == 3
    assert changes("model", two, four) == ("workers 2 → 4",)
