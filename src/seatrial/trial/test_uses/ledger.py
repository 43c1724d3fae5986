"""The record of uses in a store: which data they were of, and the number of this one over all data that shares rows."""

from __future__ import annotations

from contextlib import suppress

from seatrial.errors import ObjectExists
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.trial.test_uses.overlap import is_same_data
from seatrial.trial.test_uses.row_sketch import Sketch
from seatrial.verdicts.uses import record_use

SKETCHES = "test-sketches/"  # and the digest of the test data: what its rows are recognised by


def record_look(objects: Objects, digest: str, sketch: Sketch, *, model: str, policy: str) -> int:
    """The number k = 1, 2, … of this use of these rows, recorded before anything is measured.

    Data that shares rows with `sketch` (`overlap.is_same_data`) is one series: its uses are counted together. The same
    model and policy on the same data (`digest`) is the same use. The sketch is put first: a use without it would not be
    found by the next. Two first looks at the same moment, at data that differs, can both be use 1; the third sees both.
    """
    series = [digest]
    for info in list(objects.list(SKETCHES)):
        known = info.key.removeprefix(SKETCHES).removesuffix(".json")
        if known != digest and is_same_data(sketch, from_json(Sketch, objects.get(info.key).data, path=info.key)):
            series.append(known)
    with suppress(ObjectExists):  # these rows were looked at before
        objects.put(f"{SKETCHES}{digest}.json", to_json(sketch), if_absent=True)
    return record_use(objects, digest, model=model, policy=policy, series=series)
