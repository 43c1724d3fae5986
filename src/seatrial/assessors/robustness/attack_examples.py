"""A few images before and after the attack that broke them, where the threat model lets evidence hold some."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seatrial.attacks.losses import Codes
from seatrial.attacks.suite import SuiteResult
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Rows
from seatrial.verdicts.example_images import Example, shades, write_examples
from seatrial.verdicts.policy.threat import ThreatModel


def examples_of(
    threat: ThreatModel, attacked: SuiteResult, origin: Rows, actual: Codes, target: TargetModel, classes: Sequence[str]
) -> str:
    """The first rows that an attack broke, as a condition of the claim; "" where there are none, or none may be shown.

    A row that is answered wrong as it is shows nothing of an attack, and is none of them.
    """
    broken = np.flatnonzero(attacked.broken_by > 0)[: threat.examples]
    if not len(broken) or not threat.shape or threat.low is None or threat.high is None:
        return ""
    low, high, answered = threat.low, threat.high, target.scores(attacked.worst[broken]).argmax(axis=1)
    return write_examples(
        [
            Example(
                classes[actual[row]],
                classes[answer],
                attacked.attacks[attacked.broken_by[row]],
                *(shades(image[row], low=low, high=high, shape=threat.shape) for image in (origin, attacked.worst)),
            )
            for row, answer in zip(broken, answered, strict=True)
        ]
    )
