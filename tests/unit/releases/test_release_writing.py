from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from seatrial.errors import InputError, ObjectMissing, StoreError
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import Release
from seatrial.releases.source import StoredRelease, list_releases, list_versions, locate, read_release
from seatrial.releases.trust import Trust
from seatrial.releases.verify import verify
from seatrial.releases.write import create_release
from seatrial.stores.artifacts import write_artifact
from seatrial.stores.objects import Objects
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial
from tests.stops_after import StopsAfter

MakeRelease = Callable[..., Release]


def test_a_new_release_verifies_and_can_be_deployed(
    make_release: MakeRelease, objects: Objects, trust: Trust, now: datetime
) -> None:
    release = make_release()
    verified = verify(locate("census@1", objects), trust, now=now)
    assert verified.problems == ()
    assert (verified.release, verified.outcome, verified.deployable, verified.signer) == (
        release,
        "pass",
        True,
        "the team",
    )


def test_what_is_verified_is_what_was_put_in(
    make_release: MakeRelease, package: dict[str, bytes], objects: Objects, trust: Trust, now: datetime
) -> None:
    make_release()
    assert verify(locate("census", objects), trust, now=now).package == package


def test_versions_count_per_name(make_release: MakeRelease, objects: Objects) -> None:
    assert [make_release(epochs=one).version for one in (1, 2, 3)] == [1, 2, 3]
    assert make_release("other").version == 1
    assert [one.title for one in list_releases(objects, "census")] == ["census@1", "census@2", "census@3"]


def test_the_same_model_evidence_and_policy_is_found_instead_of_made_twice(
    make_release: MakeRelease, objects: Objects
) -> None:
    first = make_release()
    make_release(epochs=9)
    assert make_release() == first
    assert list_versions(objects, "census") == (1, 2)


def test_a_release_by_another_key_is_not_taken_for_ones_own(make_release: MakeRelease) -> None:
    make_release(key="stranger")
    assert make_release().version == 2


def test_a_release_that_lost_a_file_is_made_again(make_release: MakeRelease, objects: Objects) -> None:
    make_release()
    objects.delete("releases/census/1/policy.json")
    assert make_release().version == 2


def test_the_model_digest_is_that_of_the_artifact_with_the_same_files(
    make_release: MakeRelease, package: dict[str, bytes], objects: Objects
) -> None:
    assert make_release().model == write_artifact(objects, package)


def test_writers_at_once_get_versions_of_their_own(make_release: MakeRelease, objects: Objects) -> None:
    made: list[int] = []
    writers = [
        threading.Thread(target=lambda one=one: made.append(make_release(epochs=one).version)) for one in range(1, 7)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert sorted(made) == [1, 2, 3, 4, 5, 6]
    assert list_versions(objects, "census") == (1, 2, 3, 4, 5, 6)


WRITES = 11  # release.json, four files of the package, five documents, the envelope


@pytest.mark.parametrize("writes", range(WRITES))
def test_a_release_whose_writing_stops_anywhere_is_invisible_and_the_next_run_completes(
    make_release: MakeRelease, objects: Objects, trust: Trust, now: datetime, writes: int
) -> None:
    with pytest.raises(StoreError, match="power"):
        make_release(into=StopsAfter(objects, writes))
    assert list_versions(objects, "census") == ()
    assert list_releases(objects, "census") == ()
    with pytest.raises(ObjectMissing):
        verify(locate("census@1", objects), trust, now=now)
    release = make_release(into=StopsAfter(objects, WRITES))
    assert release.version == (1 if writes == 0 else 2)  # a version that was begun is never used again
    assert verify(locate("census", objects), trust, now=now).ok


def _attempt(
    objects: Objects, package: dict[str, bytes], trial: Trial, policy: Policy, key: SigningKey, now: datetime, name: str
) -> Release:
    return create_release(
        objects, name, package=package, trial=trial, policy=policy, verdict=judge(policy, trial), key=key, created=now
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda trial: replace(trial, model="0" * 64), "another model"),
        (lambda trial: replace(trial, policy="0" * 64), "another policy"),
        (lambda trial: replace(trial, test_use=None), "rehearsal"),
        (lambda trial: replace(trial, data="validation"), "rehearsal"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused_and_nothing_is_written(
    objects: Objects,
    package: dict[str, bytes],
    policy: Policy,
    make_trial: Callable[..., Trial],
    keys: dict[str, SigningKey],
    now: datetime,
    change: Callable[[Trial], Trial],
    words: str,
) -> None:
    with pytest.raises(InputError, match=words):
        _attempt(objects, package, change(make_trial(package, policy)), policy, keys["release"], now, "census")
    assert list(objects.list()) == []


def test_an_empty_policy_releases_nothing(make_release: MakeRelease, objects: Objects) -> None:
    with pytest.raises(InputError, match="demands nothing"):
        make_release(policy=Policy(0.95, ()))
    assert list(objects.list()) == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", "Census", "c", "census@1", "c" * 41])
def test_a_name_that_is_no_name_is_refused(make_release: MakeRelease, name: str) -> None:
    with pytest.raises(InputError, match="is not a valid name"):
        make_release(name)


def test_a_path_that_leaves_the_package_is_refused(
    objects: Objects,
    package: dict[str, bytes],
    policy: Policy,
    make_trial: Callable[..., Trial],
    keys: dict[str, SigningKey],
    now: datetime,
) -> None:
    files = package | {"../evil": b""}
    with pytest.raises(InputError, match="does not lie within an artifact"):
        _attempt(objects, files, make_trial(package, policy), policy, keys["release"], now, "census")


def test_only_a_release_key_signs_releases(make_release: MakeRelease) -> None:
    with pytest.raises(InputError, match="signs no release"):
        make_release(key="waiver")


@pytest.mark.parametrize("roc_auc", [0.9, 0.7])
def test_the_card_is_cyclonedx_to_the_strict_validator(
    make_release: MakeRelease, objects: Objects, roc_auc: float
) -> None:
    make_release(roc_auc=roc_auc)
    card = objects.get("releases/census/1/card.json").data.decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(card) is None
    component = json.loads(card)["metadata"]["component"]
    assert component["modelCard"]["modelParameters"]["task"] == "binary classification"
    assert (
        "Not measured: robust_accuracy of all: no distance was named"
        in (component["modelCard"]["considerations"]["technicalLimitations"])
    )


@pytest.mark.parametrize(("roc_auc", "result"), [(0.9, "PASSED"), (0.85, "FAILED"), (0.7, "FAILED")])
def test_the_summary_for_slsa_counts_inconclusive_as_failed(
    make_release: MakeRelease, objects: Objects, roc_auc: float, result: str
) -> None:
    release = make_release(roc_auc=roc_auc)
    summary = json.loads(objects.get("releases/census/1/vsa.json").data)
    assert summary["predicate"]["verificationResult"] == result
    assert {one["name"] for one in summary["subject"]} == {path for path in release.files if path.startswith("model/")}


def test_newest_and_newest_passed_are_told_apart(make_release: MakeRelease, objects: Objects) -> None:
    make_release(epochs=1)
    make_release(epochs=2, roc_auc=0.7)
    assert locate(None, objects, project="census").label == "census@2"
    assert locate("census", objects, passed=True).label == "census@1"


@pytest.mark.parametrize("reference", ["", "census@", "census@0", "census@-1", "census@1@2", "UPPER", "c@x"])
def test_what_names_no_release_is_an_input_error(objects: Objects, reference: str) -> None:
    with pytest.raises(InputError):
        locate(reference, objects)


def test_a_release_that_is_not_there_is_said_to_be_missing(objects: Objects) -> None:
    with pytest.raises(ObjectMissing, match="seatrial run"):
        locate("census", objects)
    with pytest.raises(InputError, match="the folder does not exist"):
        locate("./nowhere", objects)
    with pytest.raises(InputError, match="not a project"):
        locate("census@1", None)


def test_what_a_release_says_of_itself_can_be_read_without_trust(make_release: MakeRelease, objects: Objects) -> None:
    release = make_release()
    assert read_release(objects, "census", 1) == release
    assert StoredRelease(objects, "census", 1).asked == ("census", 1)
