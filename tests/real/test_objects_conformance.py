"""One specification of `Objects`, for every store behind it; and wrong stores that it must find out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.errors import ObjectChanged, ObjectExists, ObjectMissing, StoreError
from seatrial.stores.objects import Blob, ObjectInfo, Objects
from seatrial.stores.obstore_objects import PART_BYTES, open_objects
from seatrial.stores.settings import StoreSettings

Check = Callable[[Objects, Path], None]


def gives_back_what_was_put(objects: Objects, folder: Path) -> None:
    etag = objects.put("a/b.json", b"\x00\xff content")
    assert objects.get("a/b.json") == Blob(b"\x00\xff content", etag)


def keeps_empty_objects(objects: Objects, folder: Path) -> None:
    objects.put("empty", b"")
    assert objects.get("empty").data == b""


def puts_the_last_write_in_place_of_the_first(objects: Objects, folder: Path) -> None:
    objects.put("a", b"first")
    objects.put("a", b"second")
    assert objects.get("a").data == b"second"


def says_what_is_missing(objects: Objects, folder: Path) -> None:
    with pytest.raises(ObjectMissing, match="nowhere"):
        objects.get("nowhere")


def puts_if_absent_once(objects: Objects, folder: Path) -> None:
    objects.put("once", b"first", if_absent=True)
    with pytest.raises(ObjectExists, match="once"):
        objects.put("once", b"second", if_absent=True)
    assert objects.get("once").data == b"first"


def lets_one_of_many_writers_win(objects: Objects, folder: Path) -> None:
    def write(number: int) -> bool:
        try:
            objects.put("race", b"%d" % number, if_absent=True)
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(16)))
    assert sum(won) == 1
    assert objects.get("race").data == b"%d" % won.index(True)


def reads_under_a_pinned_etag(objects: Objects, folder: Path) -> None:
    first = objects.put("pinned", b"one")
    assert objects.get("pinned", etag=first).data == b"one"
    objects.put("pinned", b"another")
    with pytest.raises(ObjectChanged, match="pinned"):
        objects.get("pinned", etag=first)


def lists_in_the_order_of_the_keys(objects: Objects, folder: Path) -> None:
    keys = ["a-b", "a/b", "a/c/d", "b", "a.b", "z", "é"]
    for key in keys:
        objects.put(key, b"1")
    assert [info.key for info in objects.list()] == sorted(keys)


def lists_by_any_prefix_of_a_key(objects: Objects, folder: Path) -> None:
    for key in ("runs/10.json", "runs/11.json", "runs/2.json", "runs1"):
        objects.put(key, b"1")
    assert [info.key for info in objects.list("runs/1")] == ["runs/10.json", "runs/11.json"]
    assert [info.key for info in objects.list("runs/")] == ["runs/10.json", "runs/11.json", "runs/2.json"]
    assert list(objects.list("nothing/here")) == []


def lists_size_and_etag(objects: Objects, folder: Path) -> None:
    etag = objects.put("sized", b"12345")
    assert list(objects.list("sized")) == [ObjectInfo("sized", 5, etag)]


def lists_more_than_one_page(objects: Objects, folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: objects.put(f"many/{number:04}", b""), range(1_100)))  # S3 pages hold 1,000
    assert [info.key for info in objects.list("many/")] == [f"many/{number:04}" for number in range(1_100)]


def deletes_and_does_not_mind_doing_it_again(objects: Objects, folder: Path) -> None:
    objects.put("gone", b"1")
    objects.delete("gone")
    objects.delete("gone")
    with pytest.raises(ObjectMissing):
        objects.get("gone")


def sends_files_from_disk(objects: Objects, folder: Path) -> None:
    path = folder / "small"
    path.write_bytes(b"from disk")
    objects.put("small", path)
    with pytest.raises(ObjectExists):
        objects.put("small", path, if_absent=True)
    assert objects.get("small").data == b"from disk"


def sends_large_files_in_parts(objects: Objects, folder: Path) -> None:
    path = folder / "large"
    content = bytes(range(256)) * (2 * PART_BYTES // 256) + b"and a rest"
    path.write_bytes(content)
    etag = objects.put("large", path)
    assert objects.get("large", etag=etag).data == content


def takes_names_as_people_write_them(objects: Objects, folder: Path) -> None:
    for key in ("with space", "per%20cent", "#hash", "käse/日本", "a+b=c&d"):
        objects.put(key, key.encode())
        assert objects.get(key).data == key.encode()
        assert [info.key for info in objects.list(key)] == [key]


def refuses_keys_that_lead_out(objects: Objects, folder: Path) -> None:
    for key in ("", "../x", "a/../../x", "/x", "a//b", "a\\b", "./x"):
        with pytest.raises(StoreError):
            objects.put(key, b"1")


CHECKS: tuple[Check, ...] = (
    gives_back_what_was_put,
    keeps_empty_objects,
    puts_the_last_write_in_place_of_the_first,
    says_what_is_missing,
    puts_if_absent_once,
    lets_one_of_many_writers_win,
    reads_under_a_pinned_etag,
    lists_in_the_order_of_the_keys,
    lists_by_any_prefix_of_a_key,
    lists_size_and_etag,
    lists_more_than_one_page,
    deletes_and_does_not_mind_doing_it_again,
    sends_files_from_disk,
    sends_large_files_in_parts,
    takes_names_as_people_write_them,
    refuses_keys_that_lead_out,
)


@pytest.fixture(params=["folder", "seaweed", "minio"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "folder":
        return open_objects(StoreSettings((tmp_path / "objects").as_uri()))
    return open_objects(request.getfixturevalue(f"{request.param}_store"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_store(check: Check, objects: Objects, tmp_path: Path) -> None:
    check(objects, tmp_path)


def test_a_store_does_not_see_a_neighbour_whose_prefix_begins_alike(store: StoreSettings) -> None:
    neighbour = open_objects(replace(store, url=f"{store.url}2"))
    neighbour.put("theirs", b"1")
    ours = open_objects(store)
    ours.put("ours", b"1")
    assert [info.key for info in ours.list()] == ["ours"]


class Wrong:
    """A store with one fault; the rest is a folder's."""

    def __init__(self, right: Objects) -> None:
        self.right = right

    def get(self, key: str, *, etag: str | None = None) -> Blob:
        return self.right.get(key, etag=etag)

    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        return self.right.put(key, content, if_absent=if_absent)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self.right.list(prefix)

    def delete(self, key: str) -> None:
        self.right.delete(key)


class IgnoresIfAbsent(Wrong):
    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        return self.right.put(key, content)


class LooksBeforeItWrites(Wrong):
    """The classic race: absent when looked at, there when written."""

    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        if if_absent and any(info.key == key for info in self.right.list(key)):
            raise ObjectExists("there.", path=key)
        time.sleep(0.02)  # so that the race is lost on a quick machine too
        return self.right.put(key, content)


class IgnoresThePin(Wrong):
    def get(self, key: str, *, etag: str | None = None) -> Blob:
        return self.right.get(key)


class ListsWholeFoldersOnly(Wrong):
    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self.right.list(prefix if prefix.endswith("/") or not prefix else prefix + "/")


class ListsBackwards(Wrong):
    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return reversed(list(self.right.list(prefix)))


class MindsASecondDelete(Wrong):
    def delete(self, key: str) -> None:
        self.right.get(key)
        self.right.delete(key)


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (IgnoresIfAbsent, puts_if_absent_once),
        (IgnoresIfAbsent, lets_one_of_many_writers_win),
        (LooksBeforeItWrites, lets_one_of_many_writers_win),
        (IgnoresThePin, reads_under_a_pinned_etag),
        (ListsWholeFoldersOnly, lists_by_any_prefix_of_a_key),
        (ListsBackwards, lists_in_the_order_of_the_keys),
        (MindsASecondDelete, deletes_and_does_not_mind_doing_it_again),
    ],
)
def test_a_wrong_store_is_found_out(wrong: type[Wrong], check: Check, tmp_path: Path) -> None:
    faulty = wrong(open_objects(StoreSettings((tmp_path / "objects").as_uri())))
    with pytest.raises((AssertionError, StoreError, pytest.fail.Exception)):
        check(faulty, tmp_path)
