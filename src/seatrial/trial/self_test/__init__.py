"""Models and data that are known to be bad, each with the claim that has to catch it: the trial on trial."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.trial.self_test.case import Result


KINDS = ("people", "scores", "values", "masked", "company", "triggers")  # the modules of planted cases


def run_self_test() -> Iterator[Result]:
    """What the trial says of every planted model and data set, one after the other."""
    from seatrial.trial.self_test.case import try_case

    for kind in KINDS:
        for one in import_module(f"{__name__}.{kind}").cases():
            yield try_case(one)
