"""Uses of test data that several people count together: none is lost, none is counted alone by mistake."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from seatrial.errors import StoreError
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.trial.test_uses.ledger import TestData, record_look
from seatrial.trial.test_uses.row_sketch import RowSketch
from seatrial.trial.test_uses.shared_ledger import SharedLedger, open_shared_ledger
from seatrial.verdicts.uses import UseRecord, recorded_uses

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=["a", "b", "c"]).assign(y=0)


def data(digest: str, rows: pd.DataFrame = ROWS) -> TestData:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    sketch = RowSketch(table.schema, label="y", inputs=["a", "b", "c"])
    sketch.see(table)
    return TestData(digest, len(rows), sketch.sketch())


def folder(path: Path) -> Objects:
    path.mkdir(exist_ok=True)
    return open_objects(StoreSettings(path.as_uri()))


def counted_by(who: str, tmp_path: Path) -> SharedLedger:
    """The ledger of a team, as one of it opens it on a machine of their own."""
    shared = tmp_path / "shared"
    shared.mkdir(exist_ok=True)
    return open_shared_ledger(StoreSettings(shared.as_uri()), folder(tmp_path / who), named_in="SEATRIAL_TEST_USES")


def use(ledger: SharedLedger, model: str, rows: TestData | None = None) -> int:
    return ledger.record(rows or data("one"), model=model, evaluation="p").use


def test_two_machines_count_together(tmp_path: Path) -> None:
    ann, bob = counted_by("ann", tmp_path), counted_by("bob", tmp_path)
    assert [use(ann, "m1"), use(bob, "m2"), use(ann, "m3"), use(bob, "m1")] == [1, 2, 3, 1]


def test_other_forms_of_the_rows_count_together_too(tmp_path: Path) -> None:
    ann, bob = counted_by("ann", tmp_path), counted_by("bob", tmp_path)
    assert use(ann, "m1") == 1
    assert use(bob, "m1", data("fewer", ROWS.iloc[30:])) == 2
    assert use(bob, "m1", data("other", ROWS + 10)) == 1


def test_uses_from_before_the_ledger_was_named_count_in_it_once(tmp_path: Path) -> None:
    own = folder(tmp_path / "bob")
    for model in ("m1", "m2"):
        record_look(own, data("one"), model=model, policy="p")
    assert use(counted_by("ann", tmp_path), "m0") == 1
    bob = counted_by("bob", tmp_path)
    assert [use(bob, "m3"), use(bob, "m3"), use(bob, "m4")] == [4, 4, 5]
    found = {record.model for _, record in recorded_uses(bob.objects, "one")}
    assert found == {"m0", "m1", "m2", "m3", "m4"}


def test_whoever_leaves_the_ledger_out_goes_on_from_their_own_uses(tmp_path: Path) -> None:
    ann, bob = counted_by("ann", tmp_path), counted_by("bob", tmp_path)
    for ledger, model in ((ann, "m1"), (bob, "m2"), (bob, "m3")):
        use(ledger, model)
    assert record_look(bob.own, data("one"), model="m4", policy="p").use == 3


def test_writers_at_once_each_get_a_number_of_their_own(tmp_path: Path) -> None:
    start = Barrier(8)

    def write(index: int) -> list[int]:
        ledger = counted_by(f"machine {index}", tmp_path)
        start.wait(timeout=20)
        return [use(ledger, f"m{index}-{again}") for again in range(4)]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for found in pool.map(write, range(8)) for number in found]
    assert sorted(numbers) == list(range(1, 33))
    kept = dict(recorded_uses(folder(tmp_path / "shared"), "one"))
    assert {record.model for record in kept.values()} == {
        f"m{index}-{again}" for index in range(8) for again in range(4)
    }
    assert UseRecord("m0-0", "p") in kept.values()


def test_a_ledger_that_cannot_be_read_or_written_stops_before_anything_is_counted_alone(tmp_path: Path) -> None:
    bob = counted_by("bob", tmp_path)
    (tmp_path / "shared" / "test-sketches").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be recorded at file://.*shared") as caught:
        use(bob, "m1")
    assert caught.value.path == "SEATRIAL_TEST_USES"
    assert list(bob.own.list("test-uses/")) == []


def test_what_somebody_damaged_is_told_with_its_place(tmp_path: Path) -> None:
    bob = counted_by("bob", tmp_path)
    bob.objects.put("test-sketches/other.json", b"{}")
    with pytest.raises(StoreError, match=r"test-sketches/other\.json: the file does not hold what it should"):
        use(bob, "m1")


def test_a_folder_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "not-mounted"
    with pytest.raises(StoreError, match="must be a folder that exists"):
        open_shared_ledger(StoreSettings(missing.as_uri()), folder(tmp_path / "bob"), named_in="SEATRIAL_TEST_USES")
    assert not missing.exists()
