"""Texts that are different values, and read as one: blanks, case and Unicode's forms apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from seatrial.trial.data_checks.note import Note

_SHOWN = 3  # sets of spellings in a note


def spelled_apart(names: Iterable[str]) -> list[list[str]]:
    """The names that are alike but for blanks, case and normal form (Unicode Standard Annex 15), together.

    >>> spelled_apart(["yes", "Yes ", "no"])
    [['Yes ', 'yes']]
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(" ".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    return [sorted(spellings) for _, spellings in sorted(alike.items()) if len(spellings) > 1]


def spelling_notes(column: str, names: Iterable[str], *, what: str) -> Iterator[Note]:
    """The note on values of a column that are counted apart for their spelling; `what` they are: "classes"."""
    apart = spelled_apart(names)
    if apart:
        shown = "; ".join(", ".join(map(ascii, spellings)) for spellings in apart[:_SHOWN])
        more = f" and {len(apart) - _SHOWN} more" if len(apart) > _SHOWN else ""
        yield Note(
            "spelling",
            column,
            f"{column} has values that differ in blanks, case or Unicode form alone, and are {what} of their own: "
            f"{shown}{more}.",
            "Write each in one way, in the table and in the model's training.",
        )
