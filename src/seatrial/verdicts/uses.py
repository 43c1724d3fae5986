"""Uses of test data: how the data is recognised, and the record in the store: append-only, one object a use.

The only file of this room that touches a store; what is pure stands in `digest.py` and `spending.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.errors import ObjectExists, StoreError
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.digest import test_digest

__all__ = ["USES", "UseRecord", "confidence_for_use", "record_use", "recorded_uses", "test_digest"]

USES = "test-uses/"  # and the digest of the test data, and the number of the use
_MOST_ATTEMPTS = 1000  # every lost race means that another model was recorded


@dataclass(frozen=True, slots=True)
class UseRecord:
    """One use: this model was measured under this policy; both by digest."""

    model: str
    policy: str


def record_use(
    objects: Objects, digest: str, *, model: str, policy: str, series: Sequence[str] = (), least: int = 1
) -> int:
    """The number k = 1, 2, … of this use of the test data; recorded before anything is measured.

    The same model under the same policy is the same use, so a run that is repeated or continued counts once. Two
    callers at once get different numbers, because `test-uses/<digest>/<n>.json` is put only if absent. `series` are
    the digests of data whose uses count as uses of this: numbers go on over all of them. A use that was recorded
    elsewhere before keeps at `least` its number.
    """
    records: dict[str, UseRecord] = {}
    prefix = f"{USES}{digest}/"
    mine = UseRecord(model, policy)
    for _ in range(_MOST_ATTEMPTS):
        numbers = [0]
        for series_digest in dict.fromkeys((digest, *series)):
            for info in objects.list(f"{USES}{series_digest}/"):
                numbers.append(number := _number(info.key, f"{USES}{series_digest}/"))
                if series_digest != digest:
                    continue
                if info.key not in records:
                    records[info.key] = from_json(UseRecord, objects.get(info.key).data, path=info.key)
                if records[info.key] == mine:
                    return number
        # As many as there are, where two series became one that had counted apart.
        number = max(max(numbers) + 1, len(numbers), least)
        try:
            objects.put(f"{prefix}{number}.json", to_json(mine), if_absent=True)
        except ObjectExists:
            continue
        return number
    raise StoreError(
        f"the ledger did not give a free use number after {_MOST_ATTEMPTS} attempts.", path=prefix, hint="Run it again."
    )


def recorded_uses(objects: Objects, digest: str) -> Iterator[tuple[int, UseRecord]]:
    """The uses of the test data that the store has, each with its number."""
    prefix = f"{USES}{digest}/"
    for info in list(objects.list(prefix)):
        yield _number(info.key, prefix), from_json(UseRecord, objects.get(info.key).data, path=info.key)


def _number(key: str, prefix: str) -> int:
    number = key.removeprefix(prefix).removesuffix(".json")
    if not number.isdecimal():
        raise StoreError("the object is not a record of a use of test data.", path=key, hint="Remove the object.")
    return int(number)
