"""What a store that cannot be used says: where, why, what to do; and never a secret."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.errors import ObjectMissing, StoreError
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import Credentials, StoreSettings

SECRET = "a-secret-that-nobody-may-read"


def failure_of(settings: StoreSettings, *, listing: bool = False) -> str:
    objects = open_objects(settings)
    with pytest.raises(StoreError) as caught:
        next(objects.list()) if listing else objects.put("some/key", b"1")
    assert not isinstance(caught.value, ObjectMissing)
    assert caught.value.hint
    text = f"{caught.value} {caught.value!r} {caught.value.as_document()}"
    assert SECRET not in text
    return text


@pytest.mark.parametrize("listing", [False, True], ids=["put", "list"])
def test_wrong_credentials_are_named_with_endpoint_and_bucket(store: StoreSettings, listing: bool) -> None:
    assert store.credentials is not None
    wrong = replace(store, credentials=Credentials(store.credentials.access_key, SECRET))
    text = failure_of(wrong, listing=listing)
    assert "refused the credentials" in text
    assert str(store.endpoint) in text
    assert "bucket lake" in text


@pytest.mark.parametrize("listing", [False, True], ids=["put", "list"])
def test_a_bucket_that_is_not_there_is_named(store: StoreSettings, listing: bool) -> None:
    text = failure_of(replace(store, url="s3://no-such-bucket/p"), listing=listing)
    assert "bucket no-such-bucket does not exist" in text


def test_reading_from_a_bucket_that_is_not_there_is_not_a_missing_object(store: StoreSettings) -> None:
    with pytest.raises(StoreError, match="bucket no-such-bucket does not exist") as caught:
        open_objects(replace(store, url="s3://no-such-bucket/p")).get("key")
    assert not isinstance(caught.value, ObjectMissing)


def test_a_store_that_is_down_is_named_within_seconds() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
        text = failure_of(StoreSettings("s3://lake/p", endpoint, Credentials("key", SECRET)))
    assert "does not answer" in text
    assert endpoint in text
    assert "s3://lake/p/some/key" in text


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("no mount program")
    mounted = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_leaves_nothing_half_written(small_disk: Path) -> None:
    objects = open_objects(StoreSettings((small_disk / "objects").as_uri()))
    objects.put("small", b"1")
    with pytest.raises(StoreError, match="the disk is full") as caught:
        objects.put("large", bytes(2 * 2**20))
    assert "Free space" in str(caught.value)
    assert [info.key for info in objects.list()] == ["small"]
