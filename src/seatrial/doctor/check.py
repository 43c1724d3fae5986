"""One thing that was looked at, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from seatrial.errors import SeatrialError

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, what was seen, and what to do where it isn't ok."""

    name: str
    status: Status
    detail: str
    hint: str | None = None


def checked(name: str, look: Callable[[], Check | str]) -> Check:
    """The check that `look` gives (a text is ok); an error of ours is a failed check with its hint."""
    try:
        result = look()
    except SeatrialError as error:
        place = "" if error.path is None else f"{error.path}: "
        return Check(name, "fail", f"{place}{error.problem}", error.hint)
    return Check(name, "ok", result) if isinstance(result, str) else result
