"""Models and data that are known to be bad, each with the claim that has to catch it: the trial on trial."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.trial.self_test.case import Case, Result


KINDS = ("people", "scores", "values", "masked", "company", "triggers")  # the modules of planted cases


def run_self_test() -> Iterator[Result]:
    """What the trial says of every planted model and data set, one after the other."""
    from seatrial.trial.self_test.case import try_case

    for case in planted_cases():
        yield try_case(case)


def planted_cases(draw: int = 0) -> Iterator[Case]:
    """Every planted model and data set; the self-test's own, or another draw of its rows."""
    for kind in KINDS:
        yield from import_module(f"{__name__}.{kind}").cases(draw)
