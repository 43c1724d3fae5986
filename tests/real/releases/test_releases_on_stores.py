"""A release on real object stores: claimed, cut off, completed, verified, tampered with, waived."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.errors import StoreError
from seatrial.releases.keys import ensure_key, new_key, require_key
from seatrial.releases.release import Release, package_digest
from seatrial.releases.source import list_versions, locate
from seatrial.releases.trust import Trust, TrustedKey
from seatrial.releases.verify import verify
from seatrial.releases.waive import waive
from seatrial.releases.write import create_release
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.verdicts.evidence import Claim, Evidence
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial
from tests.stops_after import StopsAfter

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
POLICY = Policy(0.95, (Requirement("accuracy", at_least=0.8),))
WRITES = 7  # release.json, a package of one file, four documents and the card; the envelope would be the eighth


@pytest.fixture
def objects(store: StoreSettings) -> Objects:
    return open_objects(store)


def release_of(objects: Objects, home: Path, *, graph: bytes = b"graph", estimate: float = 0.9) -> Release:
    package = {"model.onnx": graph}
    measured = Evidence(
        Claim("accuracy"), "all", estimate, estimate - 0.01, estimate + 0.01, 0.975, 8000, "clopper-pearson"
    )
    trial = Trial(
        model=package_digest(package),
        policy=sha256(to_json(POLICY)),
        data="test",
        confidence=0.975,
        seed=7,
        evidence=(measured,),
        not_measured=(),
        test_use=TestUse("e" * 64, 8000, 1),
    )
    return create_release(
        objects,
        "census",
        package=package,
        trial=trial,
        policy=POLICY,
        verdict=judge(POLICY, trial),
        key=ensure_key(home, "release"),
        created=NOW,
    )


def trust_in(home: Path) -> Trust:
    roles = [TrustedKey("release", "team", new_key(home, "release").public.text)]
    return Trust(keys=(*roles, TrustedKey("waiver", "risk", new_key(home, "waiver").public.text)))


def test_a_release_is_written_verified_and_found_again(objects: Objects, tmp_path: Path) -> None:
    trust = trust_in(tmp_path)
    release = release_of(objects, tmp_path)
    assert verify(locate("census", objects), trust, now=NOW).deployable
    assert release_of(objects, tmp_path) == release


def test_a_release_cut_off_before_its_envelope_is_invisible(objects: Objects, tmp_path: Path) -> None:
    trust = trust_in(tmp_path)
    with pytest.raises(StoreError, match="power"):
        release_of(StopsAfter(objects, WRITES), tmp_path)
    assert list_versions(objects, "census") == ()
    assert release_of(objects, tmp_path).version == 2
    assert verify(locate("census@2", objects), trust, now=NOW).ok


def test_writers_at_once_get_versions_of_their_own(objects: Objects, tmp_path: Path) -> None:
    trust = trust_in(tmp_path)
    made: list[int] = []
    writers = [
        threading.Thread(target=lambda graph=graph: made.append(release_of(objects, tmp_path, graph=graph).version))
        for graph in (b"a", b"b", b"c", b"d")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert sorted(made) == [1, 2, 3, 4]
    assert all(verify(locate(f"census@{version}", objects), trust, now=NOW).ok for version in made)


def test_a_file_that_was_changed_in_the_store_is_refused_by_name(objects: Objects, tmp_path: Path) -> None:
    trust = trust_in(tmp_path)
    release_of(objects, tmp_path)
    objects.put("releases/census/1/model/model.onnx", b"grapH")
    found = verify(locate("census@1", objects), trust, now=NOW).problems
    assert [one.path for one in found] == ["model/model.onnx"]


def test_a_waiver_lies_beside_its_release(objects: Objects, tmp_path: Path) -> None:
    trust = trust_in(tmp_path)
    release_of(objects, tmp_path, estimate=0.7)
    source = locate("census@1", objects)
    waive(
        source,
        verify(source, trust, now=NOW),
        "accuracy",
        reason="pilot",
        days=3,
        key=require_key(tmp_path, "waiver"),
        now=NOW,
    )
    assert verify(source, trust, now=NOW).deployable
    assert not verify(source, replace(trust, keys=trust.keys[:1]), now=NOW).deployable
