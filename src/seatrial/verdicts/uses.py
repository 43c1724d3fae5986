"""Uses of test data: how the data is recognised, and the record in the store: append-only, one object a use.

The only file of this room that touches a store; what is pure stands in `digest.py` and `spending.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.errors import ObjectExists, StoreError
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.digest import test_digest

__all__ = ["USES", "UseRecord", "confidence_for_use", "record_use", "test_digest"]

USES = "test-uses/"  # and the digest of the test data, and the number of the use
_MOST_ATTEMPTS = 1000  # every lost race means that another model was recorded


@dataclass(frozen=True, slots=True)
class UseRecord:
    """One use: this model was measured under this policy; both by digest."""

    model: str
    policy: str


def record_use(objects: Objects, digest: str, *, model: str, policy: str) -> int:
    """The number k = 1, 2, … of this use of the test data; recorded before anything is measured.

    The same model under the same policy is the same use, so a run that is repeated or continued counts once. Two
    callers at once get different numbers, because `test-uses/<digest>/<n>.json` is put only if absent.
    """
    known: dict[str, UseRecord] = {}
    prefix = f"{USES}{digest}/"
    mine = UseRecord(model, policy)
    for _ in range(_MOST_ATTEMPTS):
        highest = 0
        for info in objects.list(prefix):
            number = info.key.removeprefix(prefix).removesuffix(".json")
            if not number.isdecimal():
                raise StoreError("this is no record of a use of test data.", path=info.key, hint="Remove the object.")
            if info.key not in known:
                known[info.key] = from_json(UseRecord, objects.get(info.key).data, path=info.key)
            if known[info.key] == mine:
                return int(number)
            highest = max(highest, int(number))
        try:
            objects.put(f"{prefix}{highest + 1}.json", to_json(mine), if_absent=True)
        except ObjectExists:
            continue
        return highest + 1
    raise StoreError(f"no free use number after {_MOST_ATTEMPTS} attempts.", path=prefix, hint="Run it again.")
