"""What is said plainly about the data, before and beside the verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that the data's owner should know; it stops nothing.

    `kind` is one of `data_checks.KINDS`; `column` is the column it is about, None for the rows as a whole; `text` is a
    sentence with the numbers in it; `hint` is what to do, None where nothing has to be done.
    """

    kind: str
    column: str | None
    text: str
    hint: str | None = None

    def __str__(self) -> str:
        return self.text if self.hint is None else f"{self.text} {self.hint}"
