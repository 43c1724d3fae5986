"""`seatrial doctor`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.doctor.check import Check

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def command(*, directory: Directory = Path(), profile: Profile = "local", json: Json = False) -> int:
    """Check Java, jars, store and catalog: what works, what to change. Fetches Spark's jars if they are missing.

    For example:

        seatrial doctor
        seatrial doctor --profile prod --json
    """
    from seatrial.doctor import examine
    from seatrial.pipeline.project.settings import FILE_NAME

    checks = list(examine(directory, profile, progress=lambda line: print_lines(line, file=sys.stderr)))
    failed = any(check.status == "fail" for check in checks)
    if json:
        print_json({"checks": [asdict(check) for check in checks]})
        return int(failed)
    if sys.stdout.isatty():
        _print_table(checks)
    else:  # a log or a pipe: one line a check, whatever its length
        for check in checks:
            hint = f"  Hint: {check.hint}" if check.hint else ""
            print_lines(f"{check.status:4}  {check.name}: {check.detail}{hint}")
    call = Call(profile=profile, directory=directory)
    if failed:
        print_lines(f"Next: fix what failed, then {call.then('doctor')}")
    elif (directory / FILE_NAME).exists():
        print_lines(f"Next: {call.then('plan')}")
    else:
        print_lines("Next: seatrial init DIR")
    return int(failed)


def _print_table(checks: Sequence[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("check", "status", "seen", "what to do"):
        table.add_column(heading)
    for check in checks:
        status = Text(check.status, COLOURS[check.status])
        table.add_row(Text(check.name), status, Text(check.detail), Text(check.hint or ""))
    Console().print(table)
