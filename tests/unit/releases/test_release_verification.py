from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.errors import ObjectMissing, Refused
from seatrial.releases.envelope import seal
from seatrial.releases.export import export_release
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import Release, file_entry
from seatrial.releases.source import ReleaseFolder, StoredRelease, locate, read_release
from seatrial.releases.statement import PAYLOAD_TYPE, statement_of
from seatrial.releases.trust import Minimum, Trust, TrustedKey
from seatrial.releases.verify import SIGNED_LIMIT_BYTES, Verification, verify
from seatrial.stores.documents import from_json, sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.verdict import Verdict

MakeRelease = Callable[..., Release]
ROOT = "releases/census/1/"


@pytest.fixture
def check(objects: Objects, trust: Trust, now: datetime) -> Callable[..., Verification]:
    def run(reference: str = "census@1", trust: Trust = trust, **expected: object) -> Verification:
        return verify(locate(reference, objects), trust, now=now, **expected)  # type: ignore[arg-type]  # by name

    return run


@pytest.fixture
def forge(objects: Objects, keys: dict[str, SigningKey]) -> Callable[..., None]:
    """Signs a changed release again, with the trusted key by default: what a holder of the key could do."""

    def run(
        files: dict[str, bytes] | None = None,
        *,
        key: str = "release",
        change: Callable[[Release], Release] = lambda release: release,
    ) -> None:
        release = read_release(objects, "census", 1)
        for path, data in (files or {}).items():
            objects.put(ROOT + path, data)
        entries = {**release.files, **{path: file_entry(data) for path, data in (files or {}).items()}}
        release = replace(
            release, files=entries, evidence=entries["evidence.json"].sha256, policy=entries["policy.json"].sha256
        )
        release = change(release)
        document = to_json(release)
        objects.put(f"{ROOT}release.json", document)
        sealed = seal(statement_of(release, sha256(document)), PAYLOAD_TYPE, keys[key])
        objects.put(f"{ROOT}release.dsse.json", sealed)

    return run


def paths_of(verified: Verification) -> list[str]:
    assert not verified.ok
    assert not verified.deployable
    assert verified.files == {}
    with pytest.raises(Refused):
        verified.require()
    return [one.path for one in verified.problems]


def told(verified: Verification) -> str:
    paths_of(verified)
    return "\n".join(one.problem for one in verified.problems)


@pytest.mark.simulation
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_refused_by_the_name_of_the_file(
    make_release: MakeRelease, objects: Objects, check: Callable[..., Verification], data: st.DataObject
) -> None:
    make_release()
    paths = [info.key.removeprefix(ROOT) for info in objects.list(ROOT)]
    path = data.draw(st.sampled_from(paths))
    whole = objects.get(ROOT + path).data
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    objects.put(ROOT + path, whole[:place] + bytes([byte]) + whole[place + 1 :])
    try:
        assert path in paths_of(check())
    finally:
        objects.put(ROOT + path, whole)


def test_every_missing_file_is_refused_by_its_name(
    make_release: MakeRelease, objects: Objects, check: Callable[..., Verification]
) -> None:
    release = make_release()
    for path in [*release.files, "release.json"]:
        whole = objects.get(ROOT + path).data
        objects.delete(ROOT + path)
        assert path in paths_of(check())
        objects.put(ROOT + path, whole)
    assert check().ok


def test_without_its_envelope_there_is_no_release(
    make_release: MakeRelease, objects: Objects, check: Callable[..., Verification]
) -> None:
    make_release()
    objects.delete(f"{ROOT}release.dsse.json")
    with pytest.raises(ObjectMissing):
        check()


@pytest.mark.parametrize("path", ["planted.txt", "model/weights.safetensors", "model/extra/x", "waivers/1.json"])
def test_an_added_file_is_refused_by_its_name(
    make_release: MakeRelease, objects: Objects, check: Callable[..., Verification], path: str
) -> None:
    make_release()
    objects.put(ROOT + path, b"planted")
    assert paths_of(check()) == [path]


@pytest.mark.parametrize(("name", "version"), [("other", 1), ("census", 2)])
def test_a_release_copied_to_another_name_or_version_is_refused(
    make_release: MakeRelease, objects: Objects, check: Callable[..., Verification], name: str, version: int
) -> None:
    make_release()
    for info in list(objects.list(ROOT)):
        objects.put(f"releases/{name}/{version}/{info.key.removeprefix(ROOT)}", objects.get(info.key).data)
    verified = check(f"{name}@{version}")
    assert paths_of(verified) == ["release.json"]
    assert "census@1" in told(verified)


def test_the_name_and_version_asked_for_are_required_of_a_folder_too(
    make_release: MakeRelease, objects: Objects, check: Callable[..., Verification], tmp_path: Path
) -> None:
    make_release()
    export_release(check(), StoredRelease(objects, "census", 1), tmp_path / "out")
    assert check(str(tmp_path / "out"), expect_name="census", expect_version=1).ok
    assert "'other' was asked for" in told(check(str(tmp_path / "out"), expect_name="other"))
    assert "version 2 was asked for" in told(check(str(tmp_path / "out"), expect_version=2))


def test_a_key_that_is_not_trusted_is_refused(make_release: MakeRelease, check: Callable[..., Verification]) -> None:
    make_release(key="stranger")
    verified = check()
    assert paths_of(verified) == ["release.dsse.json"]
    assert "not trusted" in told(verified)


@pytest.mark.parametrize("key", ["waiver", "sign-off", "stranger"])
def test_a_release_signed_again_by_a_key_of_another_role_or_person_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], check: Callable[..., Verification], key: str
) -> None:
    make_release()
    forge(key=key)
    assert paths_of(check()) == ["release.dsse.json"]


def test_a_public_key_planted_in_the_store_changes_nothing(
    make_release: MakeRelease, objects: Objects, keys: dict[str, SigningKey], check: Callable[..., Verification]
) -> None:
    make_release(key="stranger")
    objects.put(f"{ROOT}trust.toml", keys["stranger"].public.text.encode())
    objects.put("trust.toml", keys["stranger"].public.text.encode())
    assert paths_of(check()) == ["release.dsse.json"]


def test_nobody_is_trusted_by_an_empty_trust_file(
    make_release: MakeRelease, check: Callable[..., Verification]
) -> None:
    make_release()
    assert paths_of(check(trust=Trust())) == ["release.dsse.json"]


def test_evidence_of_another_model_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], objects: Objects, check: Callable[..., Verification]
) -> None:
    make_release()
    make_release(epochs=9)
    forge({"evidence.json": objects.get("releases/census/2/evidence.json").data})
    assert "the evidence is of another model." in told(check())


def test_a_model_swapped_under_good_evidence_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], check: Callable[..., Verification]
) -> None:
    make_release()
    forge({"model/model.onnx": b"another graph"})
    assert "model/" in paths_of(check())


def test_evidence_for_another_policy_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], check: Callable[..., Verification]
) -> None:
    make_release()
    forge({"policy.json": to_json(Policy(0.95, (Requirement("accuracy", at_least=0.1),)))})
    assert "the evidence was measured for another policy." in told(check())


def test_an_empty_policy_is_refused_even_when_signed_and_listed(
    make_release: MakeRelease, forge: Callable[..., None], trust: Trust, check: Callable[..., Verification]
) -> None:
    make_release()
    empty = to_json(Policy(0.95, ()))
    forge({"policy.json": empty})
    verified = check(trust=replace(trust, accepted_policies=(sha256(empty),)))
    assert "policy.json" in paths_of(verified)
    assert "demands nothing" in told(verified)


def test_a_policy_that_the_deployer_does_not_accept_is_refused(
    make_release: MakeRelease, trust: Trust, policy: Policy, check: Callable[..., Verification]
) -> None:
    make_release()
    assert check(trust=replace(trust, accepted_policies=(sha256(to_json(policy)),))).ok
    assert paths_of(check(trust=replace(trust, accepted_policies=("0" * 64,)))) == ["policy.json"]
    stricter = Minimum((Requirement("accuracy", at_least=0.9),))
    assert paths_of(check(trust=replace(trust, minimum=stricter))) == ["policy.json"]


def test_an_older_version_than_the_lowest_accepted_is_refused(
    make_release: MakeRelease, trust: Trust, check: Callable[..., Verification]
) -> None:
    make_release(epochs=1)
    make_release(epochs=2)
    demanding = replace(trust, lowest_versions={"census": 2})
    assert check("census@2", trust=demanding).ok
    assert "older than version 2" in told(check("census@1", trust=demanding))


def test_a_revoked_release_is_refused(
    make_release: MakeRelease, trust: Trust, check: Callable[..., Verification]
) -> None:
    release = make_release()
    assert "was revoked" in told(check(trust=replace(trust, revoked=(sha256(to_json(release)),))))


def test_bounds_at_a_lower_confidence_than_this_use_demands_are_refused(
    make_release: MakeRelease, forge: Callable[..., None], objects: Objects, check: Callable[..., Verification]
) -> None:
    make_release(use=2)
    trial = from_json(Trial, objects.get(f"{ROOT}evidence.json").data, path="evidence.json")
    assert check().ok
    lax = replace(trial, evidence=tuple(replace(one, confidence=0.95) for one in trial.evidence))
    forge({"evidence.json": to_json(lax)})
    verified = check()
    assert "evidence.json" in paths_of(verified)
    assert "use 2 of the test data under this policy demands 0.991667" in told(verified)


def test_a_use_number_other_than_the_evidences_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], check: Callable[..., Verification]
) -> None:
    make_release(use=2)
    forge(change=lambda release: replace(release, test_data=replace(release.test_data, use=1)))
    assert "another use of test data" in told(check())


def test_evidence_of_a_rehearsal_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], objects: Objects, check: Callable[..., Verification]
) -> None:
    make_release()
    trial = from_json(Trial, objects.get(f"{ROOT}evidence.json").data, path="evidence.json")
    forge({"evidence.json": to_json(replace(trial, data="validation", test_use=None))})
    assert "measured on validation data" in told(check())


def test_a_verdict_that_the_evidence_does_not_support_is_refused(
    make_release: MakeRelease,
    forge: Callable[..., None],
    objects: Objects,
    policy: Policy,
    check: Callable[..., Verification],
) -> None:
    make_release(roc_auc=0.7)
    measured = _trial(objects)
    passing = replace(measured, evidence=tuple(replace(one, low=0.99) for one in measured.evidence))
    forge({"verdict.json": to_json(judge(policy, passing))}, change=lambda release: replace(release, verdict="pass"))
    verified = check()
    assert {"release.json", "verdict.json"} <= set(paths_of(verified))
    assert verified.outcome == "fail"


def _trial(objects: Objects) -> Trial:
    return from_json(Trial, objects.get(f"{ROOT}evidence.json").data, path="evidence.json")


def test_a_summary_that_says_something_else_than_the_verdict_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], objects: Objects, check: Callable[..., Verification]
) -> None:
    make_release(roc_auc=0.7)
    summary = objects.get(f"{ROOT}vsa.json").data
    forge({"vsa.json": summary.replace(b'"FAILED"', b'"PASSED"')})
    assert paths_of(check()) == ["vsa.json"]


@pytest.mark.parametrize(
    "path", ["../../../secret", "/etc/passwd", "model/../../x", "a\\b", "", "release.json", "waivers/1"]
)
def test_a_signed_path_that_leaves_the_release_is_refused_and_not_read(
    make_release: MakeRelease, forge: Callable[..., None], check: Callable[..., Verification], path: str
) -> None:
    make_release()
    forge(change=lambda release: replace(release, files={**release.files, path: file_entry(b"secret")}))
    assert path in paths_of(check())


@pytest.mark.parametrize("path", ["policy.json", "evidence.json", "verdict.json"])
def test_a_signed_document_that_is_not_one_is_refused_by_its_name(
    make_release: MakeRelease, forge: Callable[..., None], check: Callable[..., Verification], path: str
) -> None:
    make_release()
    forge({path: b'{"surprise": 1}'})
    assert path in paths_of(check())


@pytest.mark.parametrize("path", ["policy.json", "evidence.json", "verdict.json"])
def test_a_release_that_leaves_out_a_document_is_refused(
    make_release: MakeRelease,
    forge: Callable[..., None],
    objects: Objects,
    check: Callable[..., Verification],
    path: str,
) -> None:
    make_release()
    objects.delete(ROOT + path)
    forge(
        change=lambda release: replace(
            release, files={name: entry for name, entry in release.files.items() if name != path}
        )
    )
    assert path in paths_of(check())


def test_a_release_of_an_unknown_format_is_refused(
    make_release: MakeRelease, forge: Callable[..., None], check: Callable[..., Verification]
) -> None:
    make_release()
    forge(change=lambda release: replace(release, format=2))
    assert "format 2" in told(check())


@pytest.mark.parametrize(("roc_auc", "outcome"), [(0.7, "fail"), (0.85, "inconclusive")])
def test_a_release_that_did_not_pass_verifies_and_is_not_deployable(
    make_release: MakeRelease, check: Callable[..., Verification], roc_auc: float, outcome: str
) -> None:
    make_release(roc_auc=roc_auc)
    verified = check()
    assert (verified.ok, verified.outcome, verified.deployable) == (True, outcome, False)
    with pytest.raises(Refused, match=outcome):
        verified.require_deployable()


class CountsReads:
    """A source that changes each file after its first read, as somebody with the store's credentials could."""

    def __init__(self, source: StoredRelease) -> None:
        self.source, self.reads = source, list[str]()

    label = "census@1"
    asked = ("census", 1)

    def sizes(self) -> dict[str, int]:
        return dict(self.source.sizes())

    def read(self, path: str, limit_bytes: int) -> bytes:
        data = self.source.read(path, limit_bytes)
        self.reads.append(path)
        self.source.objects.put(ROOT + path, bytes(reversed(data)))
        return data

    def waivers(self, digest: str) -> dict[str, bytes]:
        return {}


def test_each_file_is_read_once_and_what_was_hashed_is_what_is_used(
    make_release: MakeRelease, package: dict[str, bytes], objects: Objects, trust: Trust, now: datetime
) -> None:
    make_release()
    source = CountsReads(StoredRelease(objects, "census", 1))
    verified = verify(source, trust, now=now)
    assert verified.package == package
    assert len(source.reads) == len(set(source.reads)) == len(source.sizes())


def test_nothing_but_the_envelope_is_read_of_a_release_by_a_stranger(
    make_release: MakeRelease, objects: Objects, trust: Trust, now: datetime
) -> None:
    make_release(key="stranger")
    source = CountsReads(StoredRelease(objects, "census", 1))
    assert not verify(source, trust, now=now).ok
    assert source.reads == ["release.dsse.json"]


@pytest.mark.parametrize("path", ["release.json", "release.dsse.json"])
def test_what_is_too_large_to_be_right_is_not_read(
    make_release: MakeRelease, objects: Objects, trust: Trust, now: datetime, path: str
) -> None:
    make_release()
    objects.put(ROOT + path, bytes(SIGNED_LIMIT_BYTES + 1))
    source = CountsReads(StoredRelease(objects, "census", 1))
    assert paths_of(verify(source, trust, now=now)) == [path]
    assert path not in source.reads


def test_a_waiver_folder_with_links_or_pipes_is_refused_and_does_not_hang(
    exported: Path, trust: Trust, now: datetime
) -> None:
    (exported / "waivers").mkdir()
    os.mkfifo(exported / "waivers" / "1.json")
    verified = verify(ReleaseFolder(exported), trust, now=now)
    assert verified.ok
    assert [one.path for one in verified.refused_waivers] == ["waivers/1.json"]


@pytest.fixture
def exported(make_release: MakeRelease, objects: Objects, check: Callable[..., Verification], tmp_path: Path) -> Path:
    make_release()
    export_release(check(), StoredRelease(objects, "census", 1), tmp_path / "out")
    return tmp_path / "out"


def test_an_exported_folder_verifies_without_a_store(exported: Path, trust: Trust, now: datetime) -> None:
    assert verify(locate(str(exported), None), trust, now=now).deployable


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "named pipe"])
def test_a_folder_with_something_else_than_plain_files_is_refused(
    exported: Path, trust: Trust, now: datetime, kind: str
) -> None:
    target = exported / "model" / "model.onnx"
    if kind == "link to a folder":
        (exported / "more").symlink_to(exported / "model")
        expected = "more"
    else:
        copy = exported.parent / "copy"
        target.rename(copy)
        expected = "model/model.onnx"
        if kind == "named pipe":
            os.mkfifo(target)
        else:
            target.symlink_to(copy)
    assert expected in paths_of(verify(ReleaseFolder(exported), trust, now=now))


def test_trust_can_be_given_to_several_release_keys(
    make_release: MakeRelease, keys: dict[str, SigningKey], trust: Trust, check: Callable[..., Verification]
) -> None:
    make_release(key="stranger")
    both = replace(trust, keys=(*trust.keys, TrustedKey("release", "new team", keys["stranger"].public.text)))
    assert check(trust=both).signer == "new team"


def test_the_stated_verdict_is_read_into_its_type(make_release: MakeRelease, objects: Objects) -> None:
    make_release()
    stated = from_json(Verdict, objects.get(f"{ROOT}verdict.json").data, path="verdict.json")
    assert str(stated.outcome) == "pass"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (b'"estimate": 0.85|"estimate": NaN', "NaN is not a number"),
        (b'"high": 0.86|"high": 1e999', "too large"),
        (b'"high": 0.86|"high": 9.0', "between 0 and 1, got 9"),
        (b'"rows": 8000|"rows": -5', "negative"),
        (b'"use": 1|"use": ' + b"1" + b"0" * 200, "the number of the use"),
        (b'"seed": 7|"seed": 7,\n "seed": 8', "twice"),
    ],
)
def test_evidence_that_cannot_be_is_refused_whoever_signed_it(
    make_release: MakeRelease,
    forge: Callable[..., None],
    objects: Objects,
    check: Callable[..., Verification],
    change: bytes,
    words: str,
) -> None:
    make_release()
    before, after = change.split(b"|")
    evidence = objects.get(f"{ROOT}evidence.json").data
    assert before in evidence
    forge({"evidence.json": evidence.replace(before, after)})
    verified = check()
    assert "evidence.json" in paths_of(verified)
    assert words in told(verified)


@pytest.mark.parametrize("place", ["envelope", "signature"])
def test_nothing_unsigned_stands_beside_the_signature(
    make_release: MakeRelease, objects: Objects, check: Callable[..., Verification], place: str
) -> None:
    make_release()
    envelope = json.loads(objects.get(f"{ROOT}release.dsse.json").data)
    (envelope if place == "envelope" else envelope["signatures"][0])["approved_by"] = "the whole committee"
    canonical = json.dumps(envelope, sort_keys=True, separators=(",", ":")) + "\n"
    objects.put(f"{ROOT}release.dsse.json", canonical.encode())
    assert "not a DSSE envelope" in told(check())


def test_what_the_deployer_does_not_trust_is_told_apart_from_what_was_changed(
    make_release: MakeRelease,
    objects: Objects,
    trust: Trust,
    keys: dict[str, SigningKey],
    check: Callable[..., Verification],
) -> None:
    make_release()
    assert check(trust=Trust()).untrusted_key == keys["release"].public.id
    assert check(trust=replace(trust, lowest_versions={"census": 2})).refused_by_trust
    objects.put(f"{ROOT}card.json", b"{}")
    changed = check(trust=replace(trust, lowest_versions={"census": 2}))
    assert changed.untrusted_key is None
    assert not changed.refused_by_trust
