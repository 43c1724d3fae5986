"""How far an epoch has come: a few numbers, good on any world size and in any process."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.batches.plan.epoch_plan import Plan
from seatrial.errors import InputError
from seatrial.stores.documents import from_json, to_json

FORMAT = 2
_HINTS = {
    "format": "Begin without the cursor: another version of Seatrial wrote it.",
    "table": "Read the table that the cursor was created on, or begin without the cursor.",
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """`delivered` rows of an epoch's order, over all ranks."""

    table: str  # its digest
    seed: int
    epoch: int
    window_mib: int
    delivered: int
    format: int = FORMAT

    def written(self) -> str:
        """As JSON on one line."""
        return " ".join(to_json(self).decode().split())


def cursor_at(digest: str, plan: Plan, delivered: int) -> Cursor:
    """The cursor after so many rows."""
    return Cursor(digest, plan.seed, plan.epoch, plan.window_mib, delivered)


def delivered_by(text: str, digest: str, rows: int, plan: Plan, *, path: str) -> int:
    """How many rows of the epoch were delivered; `InputError` when the cursor is of another order."""
    if not isinstance(text, str):
        raise InputError(
            f"cursor must be the text that Batches.cursor() returned, got {type(text).__name__}.",
            path=path,
            hint="Keep that text as it is: cursor=batches.cursor().",
        )
    cursor = from_json(Cursor, text.encode(), path="cursor")
    for name, of_cursor, of_reader in (
        ("format", cursor.format, FORMAT),
        ("table", cursor.table, digest),
        ("seed", cursor.seed, plan.seed),
        ("epoch", cursor.epoch, plan.epoch),
        ("window_mib", cursor.window_mib, plan.window_mib),
    ):
        if of_cursor != of_reader:
            raise InputError(
                f"the cursor was created with {name}={of_cursor}, but the reader uses {name}={of_reader}.",
                path=path,
                hint=_HINTS.get(name, f"Use {name}={of_cursor}, or begin without the cursor."),
            )
    if not 0 <= cursor.delivered <= rows:
        raise InputError(
            f"the cursor says that {cursor.delivered} rows were delivered, but the epoch has {rows}.",
            path=path,
            hint="Begin without the cursor.",
        )
    return cursor.delivered
