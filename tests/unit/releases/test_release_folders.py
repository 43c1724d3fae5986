from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from seatrial.errors import InputError, Refused, StoreError
from seatrial.releases import export
from seatrial.releases.diff import Change, diff_releases
from seatrial.releases.release import Release
from seatrial.releases.source import StoredRelease, locate
from seatrial.releases.trust import Trust
from seatrial.releases.verify import Verification, verify
from seatrial.stores.objects import Objects
from seatrial.verdicts.policy import Policy, Requirement

MakeRelease = Callable[..., Release]


@pytest.fixture
def check(objects: Objects, trust: Trust, now: datetime) -> Callable[[str], Verification]:
    return lambda reference: verify(locate(reference, objects), trust, now=now)


def test_an_export_holds_the_very_files(
    make_release: MakeRelease, objects: Objects, check: Callable[[str], Verification], tmp_path: Path
) -> None:
    make_release()
    verified = check("census@1")
    count = export.export_release(verified, StoredRelease(objects, "census", 1), tmp_path / "a" / "out")
    written = {
        path.relative_to(tmp_path / "a" / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "a" / "out").rglob("*")
        if path.is_file()
    }
    assert written == verified.files
    assert count == len(written)


def test_an_empty_folder_is_filled_and_any_other_is_left_alone(
    make_release: MakeRelease, objects: Objects, check: Callable[[str], Verification], tmp_path: Path
) -> None:
    make_release()
    source = StoredRelease(objects, "census", 1)
    (tmp_path / "empty").mkdir()
    export.export_release(check("census@1"), source, tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "file").write_text("x")
    for taken in ("full", "file"):
        with pytest.raises(InputError, match="or an empty folder"):
            export.export_release(check("census@1"), source, tmp_path / taken)
    assert [one.name for one in (tmp_path / "full").iterdir()] == ["mine"]


def test_an_export_that_fails_leaves_nothing(
    make_release: MakeRelease,
    objects: Objects,
    check: Callable[[str], Verification],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_release()
    verified = check("census@1")

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match="No space left"):
        export.export_release(verified, StoredRelease(objects, "census", 1), tmp_path / "into" / "out")
    assert list((tmp_path / "into").iterdir()) == []


def test_what_does_not_verify_is_not_exported(
    make_release: MakeRelease, objects: Objects, check: Callable[[str], Verification], tmp_path: Path
) -> None:
    make_release()
    objects.put("releases/census/1/planted", b"x")
    with pytest.raises(Refused, match="planted"):
        export.export_release(check("census@1"), StoredRelease(objects, "census", 1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_release_does_not_differ_from_itself(make_release: MakeRelease, check: Callable[[str], Verification]) -> None:
    make_release()
    assert diff_releases(check("census@1"), check("census@1")) == ()


def test_a_changed_parameter_and_what_came_of_it_are_told(
    make_release: MakeRelease, check: Callable[[str], Verification]
) -> None:
    make_release()
    make_release(epochs=3, roc_auc=0.7, use=2)
    changes = diff_releases(check("census@1"), check("census@2"))
    assert Change("parameters", "epochs", "8", "3") in changes
    assert Change("verdict", "verdict", "pass", "fail") in changes
    assert Change("verdict", "roc_auc ≥ 0.85", "pass", "fail") in changes
    assert ("evidence", "roc_auc, all") in {(change.part, change.what) for change in changes}
    assert "use 2" in next(change.after or "" for change in changes if change.what == "test data")
    assert {change.part for change in changes} == {"parameters", "verdict", "evidence"}


def test_a_changed_policy_is_told_requirement_by_requirement(
    make_release: MakeRelease, check: Callable[[str], Verification]
) -> None:
    make_release()
    make_release(policy=Policy(0.9, (Requirement("accuracy", at_least=0.8),)))
    changes = diff_releases(check("census@1"), check("census@2"))
    assert Change("policy", "confidence", "0.95", "0.9") in changes
    assert Change("policy", "requires roc_auc ≥ 0.85", "yes", None) in changes


def test_a_changed_snapshot_is_told_under_the_name_of_its_input(
    make_release: MakeRelease, package: dict[str, bytes], check: Callable[[str], Verification]
) -> None:
    make_release()
    package["provenance.json"] = package["provenance.json"].replace(b'"snapshot_id": 7', b'"snapshot_id": 8')
    make_release()
    changes = diff_releases(check("census@1"), check("census@2"))
    assert Change("data", "train.snapshot_id", "7", "8") in changes


def test_what_nobody_knows_of_a_finished_model_is_absent(
    make_release: MakeRelease, package: dict[str, bytes], check: Callable[[str], Verification]
) -> None:
    make_release()
    provenance = json.loads(package["provenance.json"])
    known = provenance["python"]
    source = {"name": "bought.onnx", "sha256": "a" * 64, "producer": None}
    package["provenance.json"] = json.dumps(provenance | {"python": None, "source": source}).encode()
    make_release()
    changes = diff_releases(check("census@1"), check("census@2"))
    assert Change("python", "python", known, None) in changes
    assert Change("source", "name", None, "bought.onnx") in changes
    assert "producer" not in {change.what for change in changes}


def test_releases_that_do_not_verify_are_not_compared(
    make_release: MakeRelease, objects: Objects, check: Callable[[str], Verification]
) -> None:
    make_release()
    make_release(epochs=3)
    objects.put("releases/census/1/planted", b"x")
    with pytest.raises(Refused, match="planted"):
        diff_releases(check("census@1"), check("census@2"))
