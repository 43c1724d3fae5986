"""The record of uses in a store: which data they were of, and the number of this one over all data that shares rows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from seatrial.errors import ObjectExists
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.trial.test_uses.overlap import is_same_data
from seatrial.trial.test_uses.row_sketch import Sketch
from seatrial.verdicts.trial import TestUse
from seatrial.verdicts.uses import USES, record_use


@dataclass(frozen=True, slots=True)
class TestData:
    """What measured rows are recognised by: an exact digest, and a sketch that other forms of them share."""

    __test__ = False  # not a test class, whatever its name suggests to pytest

    digest: str
    rows: int  # that have a label
    sketch: Sketch


SKETCHES = "test-sketches/"  # and the digest of the test data: what its rows are recognised by


def record_look(objects: Objects, data: TestData, *, model: str, policy: str) -> TestUse:
    """The number k = 1, 2, … of this use of these rows, recorded before anything is measured.

    Data that shares rows with it (`overlap.is_same_data`) is one series: its uses are counted together. The same model
    and policy on exactly the same data is the same use. The sketch is put first: a use without it would not be
    found by the next. Two first looks at the same moment, at data that differs, can both be use 1; the third sees both.
    """
    series = _same_data(objects, data)
    with suppress(ObjectExists):  # these rows were looked at before
        objects.put(f"{SKETCHES}{data.digest}.json", to_json(data.sketch), if_absent=True)
    return TestUse(data.digest, data.rows, record_use(objects, data.digest, model=model, policy=policy, series=series))


def carry_looks(known: Objects, objects: Objects, data: TestData) -> None:
    """Copies what one store knows of looks at this data to another, so that the count goes on there."""
    for digest in (data.digest, *_same_data(known, data)):
        for prefix in (f"{SKETCHES}{digest}.json", f"{USES}{digest}/"):
            for info in list(known.list(prefix)):
                with suppress(ObjectExists):  # both keep their state in one folder
                    objects.put(info.key, known.get(info.key).data, if_absent=True)


def _same_data(objects: Objects, data: TestData) -> list[str]:
    """The digests of other data in the store's records that shares rows with this."""
    found = []
    for info in list(objects.list(SKETCHES)):
        digest = info.key.removeprefix(SKETCHES).removesuffix(".json")
        if digest != data.digest:
            sketch = from_json(Sketch, objects.get(info.key).data, path=info.key)
            if is_same_data(data.sketch, sketch):
                found.append(digest)
    return found
