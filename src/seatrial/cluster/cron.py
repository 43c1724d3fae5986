"""Times of a CronJob, as Kubernetes reads them: five fields, checked before anything is sent."""

from __future__ import annotations

import re

from seatrial.errors import InputError

# Kubernetes reads them by robfig/cron's standard parser: https://pkg.go.dev/github.com/robfig/cron/v3
_MACROS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_PART = re.compile(r"(?:\*|\?|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?")
HINT = 'Five fields, in UTC: "0 3 * * *" is 03:00 every day, "*/15 8-18 * * mon-fri" every quarter of a working hour.'


def check_cron(text: str) -> None:
    """Raises `InputError` for what a CronJob would not take.

    >>> check_cron("0 3 * * *")
    """
    if text in _MACROS:
        return
    fields = text.split()
    if len(fields) != len(_FIELDS) or not text.isprintable():
        raise InputError(f"a schedule must have five fields, got {text!r}.", path="--schedule", hint=HINT)
    for value, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in value.split(","):
            if not _is_part(part.lower(), least, most, names):
                raise InputError(
                    f"the {name} of a schedule must be {least} to {most}, got {value!r}.", path="--schedule", hint=HINT
                )


def _is_part(part: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if match is None or (match["step"] is not None and int(match["step"]) == 0):
        return False
    bounds = [_number(text, names, least) for text in (match["low"], match["high"]) if text is not None]
    return all(bound is not None and least <= bound <= most for bound in bounds) and bounds == sorted(
        bounds, key=lambda bound: -1 if bound is None else bound
    )


def _number(text: str, names: tuple[str, ...], least: int) -> int | None:
    if text in names:
        return names.index(text) + least
    return int(text) if text.isascii() and text.isdigit() else None
