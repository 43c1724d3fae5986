"""How far an epoch has come: a few numbers, good on any world size and in any process."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.batches.plan.epoch_plan import Plan
from seatrial.errors import InputError
from seatrial.stores.documents import from_json, to_json

FORMAT = 2


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
    cursor = from_json(Cursor, text.encode(), path="cursor")
    for name, found, wanted in (
        ("format", cursor.format, FORMAT),
        ("table", cursor.table, digest),
        ("seed", cursor.seed, plan.seed),
        ("epoch", cursor.epoch, plan.epoch),
        ("window_mib", cursor.window_mib, plan.window_mib),
    ):
        if found != wanted:
            raise InputError(
                f"this cursor is of {name} {found}, not {wanted}.", path=path, hint="Ask for what it was made under."
            )
    if not 0 <= cursor.delivered <= rows:
        raise InputError(f"this cursor has delivered {cursor.delivered} of {rows} rows.", path=path)
    return cursor.delivered
