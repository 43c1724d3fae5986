"""How commands speak: text for people on stderr and stdout, or one JSON document on stdout and nothing else there."""

from __future__ import annotations

import json
import sys
import unicodedata

from seatrial.errors import SeatrialError


def print_json(document: object) -> None:
    """Prints the one document of a `--json` command."""
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def report_error(error: SeatrialError, *, as_json: bool) -> int:
    """Prints an error for a person, or as the `errors` document; returns the exit status."""
    if as_json:
        print_json({"errors": [one.as_document() for one in error.each]})
    else:
        print(printable(str(error)), file=sys.stderr)
    return error.exit_status


def printable(text: str) -> str:
    """The text with control characters spelled out: names from data and files must not drive the terminal."""
    return "".join(
        one.encode("unicode_escape").decode() if one != "\n" and unicodedata.category(one).startswith("C") else one
        for one in text
    )
