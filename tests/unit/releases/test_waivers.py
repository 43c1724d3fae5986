from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.releases.envelope import seal
from seatrial.releases.export import export_release
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import Release
from seatrial.releases.source import WAIVER_LIMIT_BYTES, StoredRelease, locate
from seatrial.releases.trust import Trust
from seatrial.releases.verify import Verification, verify
from seatrial.releases.waivers import (
    PAYLOAD_TYPE,
    Waiver,
    find_requirement,
    keep_waiver,
    make_waiver,
    seal_waiver,
)
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.policy import Policy, Requirement

MakeRelease = Callable[..., Release]
ROC_AUC = 1  # the requirement that the release below misses


@pytest.fixture
def failed(make_release: MakeRelease) -> Release:
    return make_release(roc_auc=0.7)


@pytest.fixture
def waiver(failed: Release, policy: Policy, now: datetime) -> Waiver:
    return make_waiver(
        release=sha256(to_json(failed)),
        title=failed.title,
        evidence=failed.evidence,
        policy=policy,
        requirement=ROC_AUC,
        reason="a pilot with ten users",
        days=14,
        now=now,
    )


@pytest.fixture
def check(objects: Objects, trust: Trust, now: datetime) -> Callable[..., Verification]:
    def run(trust: Trust = trust, *, later: timedelta = timedelta()) -> Verification:
        return verify(locate("census@1", objects), trust, now=now + later)

    return run


def test_a_waived_release_is_deployable_and_its_verdict_stays(
    objects: Objects, keys: dict[str, SigningKey], waiver: Waiver, check: Callable[..., Verification]
) -> None:
    assert not check().deployable
    keep_waiver(objects, waiver.release, seal_waiver(waiver, keys["waiver"]))
    verified = check()
    assert (verified.ok, verified.outcome, verified.deployable) == (True, "fail", True)
    assert verified.waived == ("roc_auc ≥ 0.85",)
    assert [(one.waiver.reason, one.signer) for one in verified.waivers] == [
        ("a pilot with ten users", "the risk officer")
    ]


def test_every_missed_requirement_has_to_be_waived(
    objects: Objects,
    keys: dict[str, SigningKey],
    make_release: MakeRelease,
    check: Callable[..., Verification],
    now: datetime,
) -> None:
    policy = Policy(0.95, (Requirement("accuracy", at_least=0.99), Requirement("roc_auc", at_least=0.99)))
    release = make_release(policy=policy)
    digest = sha256(to_json(release))
    for index, deployable in ((0, False), (1, True)):
        one = make_waiver(
            release=digest,
            title="census@1",
            evidence=release.evidence,
            policy=policy,
            requirement=index,
            reason="r",
            days=1,
            now=now,
        )
        keep_waiver(objects, digest, seal_waiver(one, keys["waiver"]))
        assert check().deployable is deployable


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"release": "0" * 64}, "another release"),
        ({"evidence": "0" * 64}, "other evidence"),
        ({"requirement": 0}, "does not state"),
        ({"requirement": 7}, "does not state"),
        ({"requirement": -1}, "does not state"),
        ({"text": "roc_auc ≥ 0.1"}, "does not state"),
        ({"reason": "  "}, "without a reason"),
        ({"expires": "2026-12-25T12:00:00Z"}, "more than 30 days"),
        ({"created": "2026-11-25T12:00:00Z"}, "from the future"),
        ({"created": "yesterday"}, "RFC 3339"),
        ({"created": "2026-11-01T12:00:00Z", "expires": "2026-11-24T12:00:00Z"}, "ended on"),
    ],
)
def test_a_waiver_that_does_not_fit_changes_nothing_and_is_named(
    objects: Objects,
    keys: dict[str, SigningKey],
    waiver: Waiver,
    check: Callable[..., Verification],
    change: dict[str, object],
    words: str,
) -> None:
    bad = replace(waiver, **change)  # type: ignore[arg-type]  # fields by name
    path = keep_waiver(objects, waiver.release, seal(to_json(bad), PAYLOAD_TYPE, keys["waiver"]))
    verified = check()
    assert verified.ok
    assert not verified.deployable
    assert [one.path for one in verified.refused_waivers] == [path]
    assert words in verified.refused_waivers[0].problem


@pytest.mark.parametrize("key", ["release", "sign-off", "stranger's waiver"])
def test_a_waiver_by_a_key_of_another_role_or_person_changes_nothing(
    objects: Objects, keys: dict[str, SigningKey], waiver: Waiver, check: Callable[..., Verification], key: str
) -> None:
    keep_waiver(objects, waiver.release, seal(to_json(waiver), PAYLOAD_TYPE, keys[key]))
    verified = check()
    assert not verified.deployable
    assert "not trusted" in verified.refused_waivers[0].problem


def test_a_waiver_that_was_planted_to_fill_the_memory_is_not_read(
    objects: Objects, waiver: Waiver, check: Callable[..., Verification]
) -> None:
    objects.put(f"waivers/{waiver.release}/1.json", bytes(WAIVER_LIMIT_BYTES + 1))
    assert "not a DSSE envelope" in check().refused_waivers[0].problem


def test_a_waiver_ends_on_its_second(
    objects: Objects, keys: dict[str, SigningKey], waiver: Waiver, check: Callable[..., Verification]
) -> None:
    keep_waiver(objects, waiver.release, seal_waiver(waiver, keys["waiver"]))
    assert check(later=timedelta(days=14, seconds=-1)).deployable
    assert not check(later=timedelta(days=14)).deployable


def test_a_waiver_does_not_help_a_release_that_does_not_verify(
    objects: Objects, keys: dict[str, SigningKey], waiver: Waiver, check: Callable[..., Verification]
) -> None:
    keep_waiver(objects, waiver.release, seal_waiver(waiver, keys["waiver"]))
    objects.put("releases/census/1/planted", b"x")
    assert not check().deployable


def test_waivers_of_one_release_stand_side_by_side(
    objects: Objects, keys: dict[str, SigningKey], waiver: Waiver
) -> None:
    sealed = seal_waiver(waiver, keys["waiver"])
    paths = [keep_waiver(objects, waiver.release, sealed) for _ in range(3)]
    assert paths == [f"waivers/{waiver.release}/{number}.json" for number in (1, 2, 3)]


def test_of_two_waivers_for_one_requirement_the_longer_one_is_shown(
    objects: Objects, keys: dict[str, SigningKey], waiver: Waiver, check: Callable[..., Verification]
) -> None:
    longer = replace(waiver, reason="the longer one", expires=waiver.expires.replace("-08T", "-09T"))
    for one in (longer, waiver):
        keep_waiver(objects, one.release, seal_waiver(one, keys["waiver"]))
    assert len({waiver.expires, longer.expires}) == 2
    assert [one.waiver.reason for one in check().waivers] == ["the longer one"]


def test_an_exported_folder_carries_its_waivers(
    objects: Objects,
    keys: dict[str, SigningKey],
    waiver: Waiver,
    check: Callable[..., Verification],
    tmp_path: Path,
    trust: Trust,
    now: datetime,
) -> None:
    keep_waiver(objects, waiver.release, seal_waiver(waiver, keys["waiver"]))
    export_release(check(), StoredRelease(objects, "census", 1), tmp_path / "out")
    assert verify(locate(str(tmp_path / "out"), None), trust, now=now).deployable


@pytest.mark.parametrize("days", [0, -1, 31])
def test_days_outside_a_month_are_an_input_error(failed: Release, policy: Policy, now: datetime, days: int) -> None:
    with pytest.raises(InputError, match="1 to 30 days"):
        _make(failed, policy, now, days=days)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_waiver_without_a_reason_is_an_input_error(
    failed: Release, policy: Policy, now: datetime, reason: str
) -> None:
    with pytest.raises(InputError, match="needs a reason"):
        _make(failed, policy, now, reason=reason)


def _make(release: Release, policy: Policy, now: datetime, *, days: int = 1, reason: str = "r") -> Waiver:
    return make_waiver(
        release="0" * 64,
        title=release.title,
        evidence=release.evidence,
        policy=policy,
        requirement=0,
        reason=reason,
        days=days,
        now=now,
    )


def test_only_a_waiver_key_signs_waivers(waiver: Waiver, keys: dict[str, SigningKey]) -> None:
    with pytest.raises(InputError, match="signs no waiver"):
        seal_waiver(waiver, keys["release"])


RATES = Policy(
    0.95,
    (
        Requirement("accuracy", at_least=0.8),
        Requirement("accuracy", at_least=0.7, by="sex"),
        Requirement("recall", at_most=0.1, gap_between="sex"),
    ),
)


@pytest.mark.parametrize(
    ("words", "index"), [("1", 0), ("3", 2), ("recall", 2), ("accuracy ≥ 0.8", 0), ("accuracy by sex", 1)]
)
def test_a_requirement_is_found_by_its_number_or_its_words(words: str, index: int) -> None:
    assert find_requirement(RATES, words) == index


@pytest.mark.parametrize("words", ["", "0", "4", "sex", "accuracy", "precision"])
def test_words_that_mean_no_or_several_requirements_list_them(words: str) -> None:
    with pytest.raises(InputError, match="1: accuracy"):
        find_requirement(RATES, words)


def test_a_waiver_of_another_format_holds_nothing(
    objects: Objects, waiver: Waiver, trust: Trust, keys: dict[str, SigningKey], now: datetime
) -> None:
    keep_waiver(objects, waiver.release, seal_waiver(replace(waiver, format=2), keys["waiver"]))
    verified = verify(locate("census@1", objects), trust, now=now)
    assert not verified.waivers
    assert "format 2" in verified.refused_waivers[0].problem
