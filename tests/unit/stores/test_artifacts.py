"""Artifacts: what is written is what is read, to the byte, or its name is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.errors import Corrupt, InputError, ObjectMissing
from seatrial.stores.artifacts import check_artifact, read_artifact, write_artifact
from seatrial.stores.documents import sha256
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings

FILES = {"model.onnx": b"graph", "data/weights": b"\x00\x01", "empty": b""}


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_objects(StoreSettings((tmp_path / "objects").as_uri()))


def test_files_come_back_as_they_were_written(objects: Objects) -> None:
    assert read_artifact(objects, write_artifact(objects, FILES)) == FILES


def test_the_digest_is_that_of_the_manifest(objects: Objects) -> None:
    digest = write_artifact(objects, FILES)
    manifest = objects.get(f"artifacts/{digest}/manifest.json").data
    assert sha256(manifest) == digest
    assert json.loads(manifest)["files"]["model.onnx"] == {"sha256": sha256(b"graph"), "size_bytes": 5}


def test_files_of_the_disk_and_bytes_give_one_digest(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "graph").write_bytes(b"graph")
    assert write_artifact(objects, {**FILES, "model.onnx": tmp_path / "graph"}) == write_artifact(objects, FILES)


@settings(deadline=None, max_examples=30)  # each example writes to the disk
@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=20), max_size=4),
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=20), max_size=4),
)
def test_digests_are_equal_exactly_when_the_files_are(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    objects = open_objects(StoreSettings(tmp_path_factory.mktemp("objects").as_uri()))
    assert (write_artifact(objects, one) == write_artifact(objects, other)) == (one == other)


def test_many_writers_at_once_all_get_the_digest(objects: Objects) -> None:
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: write_artifact(objects, FILES), range(16)))
    assert len(digests) == 1
    assert read_artifact(objects, digests.pop()) == FILES


class EndsAfter:
    """A store whose writer is killed after some writes."""

    def __init__(self, right: Objects, writes: int) -> None:
        self.right = right
        self.writes = writes
        self.get = right.get
        self.list = right.list
        self.delete = right.delete

    def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
        if self.writes == 0:
            raise KeyboardInterrupt
        self.writes -= 1
        return self.right.put(key, content, if_absent=if_absent)


@pytest.mark.parametrize("writes", range(len(FILES) + 1))
def test_an_interrupted_write_leaves_no_artifact_and_can_be_repeated(objects: Objects, writes: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_artifact(EndsAfter(objects, writes), FILES)
    assert not any(info.key.endswith("manifest.json") for info in objects.list())
    assert read_artifact(objects, write_artifact(objects, FILES)) == FILES


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("model.onnx", b"Graph", "model.onnx: the content is not what the manifest says"),
        ("model.onnx", b"graph2", "model.onnx: 6 bytes, not 5"),
        ("empty", b"x", "empty: 1 bytes, not 0"),
        ("extra", b"x", "extra: the file is not in the artifact's manifest"),
        ("manifest.json", b"{}", "manifest.json: the manifest has the digest"),
    ],
)
def test_a_changed_byte_is_told_by_name(objects: Objects, path: str, content: bytes, told: str) -> None:
    digest = write_artifact(objects, FILES)
    objects.put(f"artifacts/{digest}/{path}", content)
    with pytest.raises(Corrupt) as caught:
        read_artifact(objects, digest)
    assert told in str(caught.value)


def test_every_single_bit_of_the_manifest_counts(objects: Objects) -> None:
    digest = write_artifact(objects, {"a": b"1"})
    key = f"artifacts/{digest}/manifest.json"
    right = objects.get(key).data
    for position in range(len(right)):
        objects.put(key, right[:position] + bytes([right[position] ^ 1]) + right[position + 1 :])
        with pytest.raises(Corrupt):
            read_artifact(objects, digest)


def test_a_missing_file_is_told_by_name(objects: Objects) -> None:
    digest = write_artifact(objects, FILES)
    objects.delete(f"artifacts/{digest}/data/weights")
    with pytest.raises(Corrupt, match="data/weights: a file of the artifact is missing"):
        check_artifact(objects, digest)


def test_writing_again_mends_what_was_damaged(objects: Objects) -> None:
    digest = write_artifact(objects, FILES)
    objects.put(f"artifacts/{digest}/model.onnx", b"Graph")
    objects.put(f"artifacts/{digest}/extra", b"x")
    objects.put(f"artifacts/{digest}/manifest.json", b"{}")
    assert write_artifact(objects, FILES) == digest
    assert read_artifact(objects, digest) == FILES


def test_an_artifact_that_was_never_written_is_missing_not_corrupt(objects: Objects) -> None:
    with pytest.raises(ObjectMissing):
        read_artifact(objects, "0" * 64)


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "a\\b", "./a", "a/", "manifest.json", "a\0b"])
def test_a_path_that_leads_elsewhere_is_refused_before_anything_is_written(objects: Objects, path: str) -> None:
    with pytest.raises(InputError):
        write_artifact(objects, {"fine": b"1", path: b"2"})
    assert list(objects.list()) == []


def test_a_file_cannot_be_the_folder_of_another(objects: Objects) -> None:
    with pytest.raises(InputError, match="both a file and the folder"):
        write_artifact(objects, {"a": b"1", "a/b/c": b"2"})


@pytest.mark.parametrize("path", ["../../outside", "/outside", "a\\b"])
def test_a_manifest_whose_paths_lead_out_is_corrupt_however_well_it_is_hashed(objects: Objects, path: str) -> None:
    manifest = json.dumps({"files": {path: {"sha256": sha256(b"1"), "size_bytes": 1}}, "format": 1}).encode()
    objects.put(f"artifacts/{sha256(manifest)}/manifest.json", manifest)
    with pytest.raises(Corrupt, match="the path does not lie within an artifact"):
        read_artifact(objects, sha256(manifest))


@pytest.mark.parametrize("digest", ["", "abc", "../" * 21 + "a", "A" * 64, "0" * 65])
def test_what_is_no_digest_is_refused(objects: Objects, digest: str) -> None:
    with pytest.raises(InputError, match="not the digest of an artifact"):
        read_artifact(objects, digest)
