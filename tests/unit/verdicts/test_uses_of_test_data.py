import math
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.errors import Corrupt, ObjectExists, ObjectMissing, StoreError
from seatrial.stores.objects import Blob, ObjectInfo, Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.verdicts.uses import record_use
from seatrial.verdicts.uses import test_digest as digest_of

INPUTS = ["age", "work"]


class MemoryObjects:
    """A store in memory, whose put-if-absent is atomic."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.lock = threading.Lock()

    def get(self, key: str, *, etag: str | None = None) -> Blob:
        assert etag is None
        if key not in self.content:
            raise ObjectMissing("the object does not exist.", path=key)
        return Blob(self.content[key], "etag")

    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        assert isinstance(content, bytes)
        with self.lock:
            if if_absent and key in self.content:
                raise ObjectExists("is there already.", path=key)
            self.content[key] = content
        return "etag"

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        yield from (ObjectInfo(key, 0, "etag") for key in sorted(self.content) if key.startswith(prefix))

    def delete(self, key: str) -> None:
        self.content.pop(key, None)


def _table(ages: list[float | None], works: list[str | None], labels: list[str]) -> pa.Table:
    return pa.table(
        {
            "age": pa.array(ages, pa.float64()),
            "work": pa.array(works, pa.string()),
            "label": pa.array(labels, pa.string()),
        }
    )


def _digest(table: pa.Table) -> str:
    return digest_of(table, label="label", inputs=INPUTS)


BASE = _table([1.0, 2.0, 2.0], ["a", "b", "b"], ["y", "n", "n"])

rows = st.lists(
    st.tuples(st.sampled_from([0.0, 1.5, None]), st.sampled_from(["", "a", "ab", "é"]), st.sampled_from("yn")),
    max_size=6,
)


def _of(items: list[tuple[float | None, str, str]]) -> pa.Table:
    return _table([row[0] for row in items], [row[1] for row in items], [row[2] for row in items])


@pytest.mark.simulation
@settings(deadline=None)
@given(rows, st.randoms())
def test_the_digest_ignores_the_order_and_the_chunks_of_rows(
    items: list[tuple[float | None, str, str]], random: Random
) -> None:
    mixed = random.sample(items, len(items))
    cut = random.randint(0, len(items))
    assert _digest(_of(items)) == _digest(pa.concat_tables([_of(mixed[:cut]), _of(mixed[cut:])]))


@pytest.mark.simulation
@settings(deadline=None)
@given(rows, rows)
def test_different_multisets_have_different_digests(
    one: list[tuple[float | None, str, str]], other: list[tuple[float | None, str, str]]
) -> None:
    assert (_digest(_of(one)) == _digest(_of(other))) == (sorted(one, key=str) == sorted(other, key=str))


def test_extra_columns_column_order_and_the_labels_name_do_not_count() -> None:
    renamed = BASE.rename_columns(["age", "work", "income"]).append_column("id", pa.array([7, 8, 9]))
    assert digest_of(renamed, label="income", inputs=INPUTS[::-1]) == _digest(BASE)


def test_a_value_counts_as_the_model_sees_it() -> None:
    odd = pa.table(
        {
            "age": pa.array([-0.0, math.nan, None], pa.float64()),
            "work": pa.array(["x", None, "x"]).dictionary_encode(),
            "label": pa.array(["y", "y", "y"], pa.large_string()),
        }
    )
    plain = _table([0.0, None, math.nan], ["x", "", "x"], ["y", "y", "y"])
    assert _digest(odd) == _digest(plain)
    whole = BASE.set_column(0, "age", BASE.column("age").cast(pa.int32()))
    assert _digest(whole) == _digest(BASE)


@pytest.mark.parametrize(
    "other",
    [
        _table([1.0, 2.0], ["a", "b"], ["y", "n"]),
        _table([1.0, 1.0, 2.0], ["a", "a", "b"], ["y", "y", "n"]),
        _table([1.0, 2.0, 2.0], ["b", "a", "b"], ["y", "n", "n"]),
        _table([1.0, 2.0, 2.0], ["a", "b", "b"], ["n", "n", "y"]),
        _table([1.0, 2.0, np.nextafter(2.0, 3)], ["a", "b", "b"], ["y", "n", "n"]),
    ],
)
def test_a_row_less_a_row_twice_or_a_value_moved_changes_it(other: pa.Table) -> None:
    assert _digest(other) != _digest(BASE)


def test_text_never_meets_a_number() -> None:
    number = BASE.set_column(1, "work", pa.array([1, 2, 2]))
    text = BASE.set_column(1, "work", pa.array(["1", "2", "2"]))
    assert _digest(number) != _digest(text)


def test_uses_are_numbered_and_the_same_model_under_the_same_policy_is_the_same_use() -> None:
    store = MemoryObjects()
    pairs = [("m1", "p"), ("m2", "p"), ("m1", "p"), ("m1", "q"), ("m2", "p")]
    assert [record_use(store, "d", model=model, policy=policy) for model, policy in pairs] == [1, 2, 1, 3, 2]
    assert sorted(store.content) == ["test-uses/d/1.json", "test-uses/d/2.json", "test-uses/d/3.json"]


def test_other_test_data_counts_for_itself() -> None:
    store = MemoryObjects()
    assert [record_use(store, digest, model="m", policy="p") for digest in ("d", "dd", "d")] == [1, 1, 1]


def test_the_twelfth_use_follows_the_eleventh() -> None:
    store = MemoryObjects()
    assert [record_use(store, "d", model=f"m{i}", policy="p") for i in range(12)] == list(range(1, 13))


def test_a_use_that_was_removed_is_not_given_again() -> None:
    store = MemoryObjects()
    for model in ("m1", "m2", "m3"):
        record_use(store, "d", model=model, policy="p")
    store.delete("test-uses/d/2.json")
    assert record_use(store, "d", model="m4", policy="p") == 4


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return MemoryObjects()
    return open_objects(StoreSettings(tmp_path.as_uri()))


def test_many_at_once_each_get_a_number_of_their_own_and_repeats_share_it(store: Objects) -> None:
    found: list[tuple[str, int]] = []
    start = threading.Barrier(24)

    def use(model: str) -> None:
        start.wait(timeout=20)
        found.append((model, record_use(store, "d", model=model, policy="p")))

    threads = [threading.Thread(target=use, args=(f"m{i % 8}",)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 24
    assert sorted({number for _, number in found}) == list(range(1, 9))
    assert len(set(found)) == 8


@pytest.mark.parametrize("content", [b"{}", b"not json", b'{"model": "m"}'])
def test_a_record_that_is_none_is_an_error_and_not_a_free_number(content: bytes) -> None:
    store = MemoryObjects()
    store.put("test-uses/d/1.json", content)
    with pytest.raises(Corrupt, match=r"test-uses/d/1\.json"):
        record_use(store, "d", model="m", policy="p")


def test_a_foreign_object_among_the_uses_is_named() -> None:
    store = MemoryObjects()
    store.put("test-uses/d/notes.txt", b"")
    with pytest.raises(StoreError, match="not a record of a use"):
        record_use(store, "d", model="m", policy="p")
