"""How commands speak: text for people on stderr and stdout, or one JSON document on stdout and nothing else there."""

from __future__ import annotations

import json
import sys
from typing import TextIO

from seatrial.errors import SeatrialError
from seatrial.report.terminal.printable import printable


def print_json(document: object) -> None:
    """Prints the one document of a `--json` command."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # A file name that is not UTF-8 holds halves of surrogate pairs, which only JSON's own escapes can write.
    print(text.encode("utf-8", "backslashreplace").decode())


def print_lines(*lines: object, file: TextIO | None = None) -> None:
    """Prints lines for people, on stdout or `file`; what would break a line or drive a terminal is spelled out."""
    print("\n".join(printable(str(line)) for line in lines), file=file, flush=True)


def report_error(error: SeatrialError, *, as_json: bool) -> int:
    """Prints an error for a person, or as the `errors` document; returns the exit status.

    Its first line begins with the place; whatever follows is indented, so that no name can begin a line of its own.
    """
    from seatrial.trial.spelling import command_line

    for each in error.each:
        each.spell(command_line)
    if as_json:
        print_json({"errors": [failure.as_document() for failure in error.each]})
        return error.exit_status
    several = len(error.each) > 1 or error.each[0] is not error
    for failure in (*error.each, *([error.problem] if several else [])):
        first, *more = str(failure).split("\n")
        print("\n".join([printable(first), *(f"  {printable(line.strip())}" for line in more)]), file=sys.stderr)
    return error.exit_status
