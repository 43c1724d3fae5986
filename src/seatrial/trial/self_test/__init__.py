"""Models and data that are known to be bad, each with the claim that has to catch it: the trial on trial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.trial.self_test.case import Result


def run_self_test() -> Iterator[Result]:
    """What the trial says of every planted model and data set, one after the other."""
    from seatrial.trial.self_test import company, masked, people, triggers
    from seatrial.trial.self_test.case import try_case

    for one in (*people.cases(), *masked.cases(), *company.cases(), *triggers.cases()):
        yield try_case(one)
