"""A release copied into another store: whole or not there, the same bytes, never in another's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import ObjectMissing, Refused, StoreError
from seatrial.releases.keys import SigningKey
from seatrial.releases.publish import publish_release
from seatrial.releases.release import Release
from seatrial.releases.source import StoredRelease
from seatrial.releases.trust import Trust, parse_trust
from seatrial.releases.verify import Verification, verify
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.deploy_sample import NOW, make_home, put_release
from tests.stops_after import StopsAfter


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, SigningKey]:
    return make_home(tmp_path / "home")


@pytest.fixture
def trust(keys: dict[str, SigningKey], tmp_path: Path) -> Trust:
    del keys
    return parse_trust((tmp_path / "home" / "trust.toml").read_text(), "trust.toml")


def store(folder: Path, name: str) -> Objects:
    return open_objects(StoreSettings(url=(folder / name).as_uri()))


def opened(objects: Objects, release: Release, trust: Trust) -> Verification:
    return verify(StoredRelease(objects, "census", release.version), trust, now=NOW)


def test_cut_off_at_any_write_it_is_not_there_and_done_again_it_is_whole(
    tmp_path: Path, keys: dict[str, SigningKey], trust: Trust
) -> None:
    here = store(tmp_path, "here")
    release = put_release(here, keys, 0.5, waived_days=7)
    verified, source = opened(here, release, trust), StoredRelease(here, "census", 1)
    writes = len(verified.files) + 1  # and the waiver
    for cut in range(writes):
        there = store(tmp_path, f"there-{cut}")
        with pytest.raises(StoreError, match="the power went"):
            publish_release(verified, source, StopsAfter(there, cut))
        if cut < writes - 1:  # the envelope is the last of the release, and the waiver comes after it
            with pytest.raises(ObjectMissing):
                StoredRelease(there, "census", 1).sizes()
        assert publish_release(verified, source, there) == writes
        assert opened(there, release, trust) == verified
        assert publish_release(verified, source, there) == writes  # again: nothing is there twice
        assert opened(there, release, trust).waivers == verified.waivers


def test_a_version_that_another_release_has_is_left_as_it_is(
    tmp_path: Path, keys: dict[str, SigningKey], trust: Trust
) -> None:
    here, there = store(tmp_path, "here"), store(tmp_path, "there")
    ours, theirs = put_release(here, keys, 0.85), put_release(there, keys, 0.9)
    with pytest.raises(Refused, match="another census@1"):
        publish_release(opened(here, ours, trust), StoredRelease(here, "census", 1), there)
    assert opened(there, theirs, trust).ok


def test_what_does_not_verify_is_not_copied(tmp_path: Path, keys: dict[str, SigningKey], trust: Trust) -> None:
    here, there = store(tmp_path, "here"), store(tmp_path, "there")
    release = put_release(here, keys)
    here.put("releases/census/1/model/model.onnx", b"another")
    with pytest.raises(Refused, match="does not verify"):
        publish_release(opened(here, release, trust), StoredRelease(here, "census", 1), there)
    assert list(there.list()) == []
