"""Which images evidence holds: those that an attack broke, as many as the threat model lets it, and no others."""

from dataclasses import replace

import numpy as np

from seatrial.assessors.robustness.attack_examples import examples_of
from seatrial.attacks.suite import UNBROKEN, SuiteResult
from seatrial.attacks.target_model import TargetModel
from seatrial.verdicts.example_images import read_examples
from seatrial.verdicts.policy.threat import ThreatModel

SHOWN = ThreatModel("linf", 0.5, 0.0, 1.0, shape=(2, 2), examples=2)
ORIGIN = np.zeros((5, 4))
WORST = np.full((5, 4), 0.5)
ATTACKED = SuiteResult(np.array([UNBROKEN, 0, 1, 2, 2]), WORST, ("clean", "noise", "square"), (), np.zeros(5, bool))
ACTUAL = np.array([0, 0, 0, 1, 1])
TARGET = TargetModel(lambda points: np.tile([0.0, 1.0], (len(points), 1)) * 1.0, None)


def shown(threat: ThreatModel = SHOWN) -> list[tuple[str, str, str]]:
    found = read_examples(examples_of(threat, ATTACKED, ORIGIN, ACTUAL, TARGET, ("cat", "dog")))
    return [(one.label, one.answer, one.attack) for one in found]


def test_only_rows_that_an_attack_broke_are_shown_the_first_ones() -> None:
    assert shown() == [("cat", "dog", "noise"), ("dog", "dog", "square")]


def test_without_leave_none_is_shown() -> None:
    assert shown(replace(SHOWN, examples=0)) == []


def test_what_is_no_image_is_not_shown() -> None:
    assert shown(replace(SHOWN, shape=())) == []
