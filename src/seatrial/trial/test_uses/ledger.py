"""The record of uses in a store: which data they were of, and the number of this one over all data that shares rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from seatrial.errors import ObjectExists, ObjectMissing
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.trial.test_uses.overlap import is_same_data
from seatrial.trial.test_uses.row_sketch import Sketch
from seatrial.verdicts.trial import TestUse
from seatrial.verdicts.uses import record_use, recorded_uses


@dataclass(frozen=True, slots=True)
class TestData:
    """What measured rows are recognised by: an exact digest, and a sketch that other forms of them share."""

    __test__ = False  # not a test class, whatever its name suggests to pytest

    digest: str
    rows: int  # that have a label
    sketch: Sketch


SKETCHES = "test-sketches/"  # and the digest of the test data: what its rows are recognised by
SKETCHES_AT_ONCE = 8  # of up to 90 kB each


def record_look(objects: Objects, data: TestData, *, model: str, policy: str) -> TestUse:
    """The number k = 1, 2, … of this use of these rows, recorded before anything is measured.

    Data that shares rows with it (`overlap.is_same_data`) is one series: its uses are counted together. The same model
    and policy on exactly the same data is the same use. The sketch is put first: a use without it would not be
    found by the next. Two first looks at the same moment, at data that differs, can both be use 1; the third sees both.
    """
    series = _same_data(objects, data)
    with suppress(ObjectExists):  # these rows were looked at before
        objects.put(_sketch_key(data.digest), to_json(data.sketch), if_absent=True)
    return TestUse(data.digest, data.rows, record_use(objects, data.digest, model=model, policy=policy, series=series))


def carry_looks(source: Objects, objects: Objects, data: TestData) -> None:
    """Records in one store what another knows of looks at this data, so that the count goes on over both.

    A look that is there already is the same look. One that is new there keeps its number where that is free.
    """
    digests = [data.digest, *_same_data(source, data)]
    uses = []
    for digest in digests:
        if of_digest := list(recorded_uses(source, digest)):
            there = {use for _, use in recorded_uses(objects, digest)}
            uses += [(number, digest, use.model, use.policy) for number, use in of_digest if use not in there]
    if not uses:
        return
    for digest in digests:
        with suppress(ObjectMissing, ObjectExists):  # uses of old had no sketch; both may be one folder
            objects.put(_sketch_key(digest), source.get(_sketch_key(digest)).data, if_absent=True)
    series = [data.digest, *_same_data(objects, data)]
    for number, digest, model, policy in sorted(uses):
        record_use(objects, digest, model=model, policy=policy, series=series, least=number)


def _same_data(objects: Objects, data: TestData) -> list[str]:
    """The digests of other data in the store's records that shares rows with this."""
    keys = [info.key for info in list(objects.list(SKETCHES)) if info.key != _sketch_key(data.digest)]
    with ThreadPoolExecutor(max_workers=SKETCHES_AT_ONCE) as pool:  # of a store far away, most of this is waiting
        sketches = pool.map(lambda key: from_json(Sketch, objects.get(key).data, path=key), keys)
        return [
            _digest_of(key) for key, sketch in zip(keys, sketches, strict=True) if is_same_data(data.sketch, sketch)
        ]


def _sketch_key(digest: str) -> str:
    return f"{SKETCHES}{digest}.json"


def _digest_of(key: str) -> str:
    return key.removeprefix(SKETCHES).removesuffix(".json")
