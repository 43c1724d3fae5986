"""`seatrial assess`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.options import Json
from seatrial.cli.output import print_json, print_lines
from seatrial.errors import InputError


def command(
    *,
    self_test: Annotated[
        bool, Parameter(negative="", show_default=False, help="Try models and data that are known to be bad.")
    ] = False,
    json: Json = False,
) -> int:
    """The trial on trial: does each planted bad model fall to the claim that should catch it?

    Some twenty models and data sets with known faults (masked gradients, an unfair
    intersection, flipped labels, leaks, overlap) go through the whole trial, and good
    ones beside them. Exit status: 0 all as they should be, 1 otherwise.

    For example:

        seatrial assess --self-test
    """
    if not self_test:
        raise InputError(
            "say what to assess.",
            path="assess",
            hint="Write --self-test; a finished model is tried by `seatrial try`, a project by `seatrial run`.",
        )
    from seatrial.trial.self_test import run_self_test

    wrong, results = 0, []
    for result in run_self_test():
        wrong += not result.right
        results.append(result)
        if not json:
            print_lines(f"{'as it should be' if result.right else 'WRONG':15}  {result.name}: {result.found}")
            if not result.right:
                print_lines(f"{'':15}  it should be: {result.expected}")
    if json:
        fields = ("name", "expected", "found", "right")
        print_json({"cases": [{name: getattr(case, name) for name in fields} for case in results], "ok": not wrong})
        return int(wrong > 0)
    print_lines(f"{len(results) - wrong} of {len(results)} as they should be.")
    print_lines("Next: seatrial try --example" if not wrong else "Do not trust a verdict of this installation.")
    return int(wrong > 0)
