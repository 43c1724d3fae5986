"""A rollout as the cluster tells it, step by step: when it is done, when it is given up, and what is said of it.

What the documents look like was taken from a real cluster; tests/cluster/deploy asks one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from seatrial.cluster.scale import Scale
from seatrial.cluster.services import Services
from seatrial.deploy import rollout
from seatrial.deploy.running_services import parse_digest, release_before, running_services
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import InputError, Refused
from tests.deploy_sample import SERVICE

Document = dict[str, Any]
OURS, OTHER = f"sha256:{SERVICE.release_digest}", f"sha256:{'0' * 64}"
BEFORE = "b" * 64  # the settings of the last version
CRASHED = {
    "name": "serve",
    "restartCount": 2,
    "ready": False,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1, "message": "census@2: release.json\x1b[31m\nwas revoked.\n"}},
}


def version(
    revision: int,
    release: str,
    digest: str,
    *,
    replicas: int = 1,
    ready: int = 1,
    kserve: bool = False,
    settings: str = "",
) -> Document:
    """A ReplicaSet of the Deployment census."""
    settings = settings or (SERVICE.digest if digest == OURS else BEFORE)
    return {
        "metadata": {
            "name": f"census-{revision}",
            "labels": {"serving.kserve.io/inferenceservice": "census"} if kserve else {},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [{"kind": "Deployment", "name": "census"}],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"pod-template-hash": str(revision)}},
            "template": {
                "metadata": {
                    "annotations": {
                        "seatrial/release": release,
                        "seatrial/release-digest": digest,
                        "seatrial/model-digest": f"sha256:{'4' * 64}",
                        "seatrial/verdict": "pass",
                        "seatrial/settings": f"sha256:{settings}",
                    }
                },
                "spec": {"containers": [{"image": SERVICE.image}]},
            },
        },
        "status": {"replicas": replicas, "readyReplicas": ready, "availableReplicas": ready},
    }


def deployment(
    updated: int,
    total: int,
    *,
    generation: int = 2,
    settings: str = SERVICE.digest,
    spec: Document | None = None,
    **status: Any,
) -> Document:
    return {
        "metadata": {
            "name": "census",
            "generation": generation,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app.kubernetes.io/instance": "census"}},
            "template": {"metadata": {"annotations": {"seatrial/settings": f"sha256:{settings}"}}},
            **(spec or {}),
        },
        "status": {"observedGeneration": 2, "updatedReplicas": updated, "replicas": total, **status},
    }


def pod(container: Document | None = None, **status: Any) -> Document:
    return {
        "metadata": {"name": "census-2-abc"},
        "status": {**({} if container is None else {"containerStatuses": [container]}), **status},
    }


@dataclasses.dataclass
class Cluster:
    """Answers with one moment after the other, and with the last one for ever."""

    moments: Sequence[tuple[Document | None, Sequence[Document], Sequence[Document]]]
    told: Sequence[Document] = ()
    name: str = "models"
    at: int = -1

    def deployment(self, name: str) -> Document | None:
        assert name == "census"
        self.at = min(self.at + 1, len(self.moments) - 1)
        return self.moments[self.at][0]

    def replica_sets(self, selector: str) -> Sequence[Document]:
        assert selector.startswith("app.kubernetes.io/")
        return self.moments[max(self.at, 0)][1]

    def pods(self, selector: str) -> Sequence[Document]:
        assert selector == "pod-template-hash=2"
        return self.moments[self.at][2]

    def events(self, name: str) -> Sequence[Document]:
        assert name == "census-2-abc"
        return self.told


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes by a second a look."""
    now = [0.0]
    monkeypatch.setattr("seatrial.deploy.rollout.time.monotonic", lambda: now[0])
    monkeypatch.setattr("seatrial.deploy.rollout.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


def follow(
    *moments: tuple[Document | None, Sequence[Document], Sequence[Document]],
    service: ServiceSettings = SERVICE,
    **cluster: Any,
) -> list[str]:
    lines: list[str] = []
    services = cast("Services", Cluster(moments, **cluster))
    rollout.follow_rollout(
        "census", service, services, before=BEFORE, way_back="seatrial deploy --rollback", on_progress=lines.append
    )
    return lines


QUOTA = {"type": "ReplicaFailure", "status": "True", "message": 'pods "x" is forbidden: exceeded quota: small'}
NOT_READY = {"name": "serve", "restartCount": 0, "ready": False, "state": {"running": {}}}
OLD = version(1, "census@1", OTHER, replicas=2, ready=2)


def test_it_ends_when_every_pod_serves_the_release_and_the_last_version_is_gone() -> None:
    new = [version(2, "census@2", OURS, replicas=2, ready=ready) for ready in (0, 1, 2)]
    lines = follow(
        (deployment(2, 2, generation=3, conditions=[QUOTA]), [OLD], []),  # the status is of what was sent before
        (deployment(0, 2), [OLD, new[0]], []),
        (deployment(1, 3), [OLD, new[1]], [pod()]),
        (deployment(2, 3), [OLD, new[2]], [pod(), pod()]),
        (deployment(2, 2), [OLD, new[2]], [pod(), pod()]),
    )
    assert lines == [
        "census@2: 0 of 2 pods are ready.",
        "census@2: 1 of 2 pods are ready.",
        "census@2: all pods are ready; 1 of the last version are ending.",
    ]


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}


@pytest.mark.parametrize(
    ("found", "status", "words", "hint"),
    [
        (pod(CRASHED), {}, "the server ended with status 1: census@2: release.json[31m was revoked.", "--previous"),
        (
            pod({**CRASHED, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}),
            {},
            "it needed more memory than its limit of 512Mi.",
            "service = { memory",
        ),
        (
            pod({**NOT_READY, "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}),
            {},
            "ErrImagePull: not found.",
            "may pull it",
        ),
        (pod(conditions=[UNSCHEDULABLE]), {}, "1 Insufficient cpu.", "[profile.X] service"),
        (None, {"conditions": [QUOTA]}, "exceeded quota: small.", "[profile.X] service"),
        (pod(NOT_READY), {}, "Readiness probe failed: HTTP probe failed with statuscode: 503.", "logs census-2-abc"),
    ],
)
def test_what_does_not_come_up_is_given_up_in_its_own_words(
    found: Document | None, status: Mapping[str, Any], words: str, hint: str
) -> None:
    unhealthy = {"reason": "Unhealthy", "message": "Readiness probe failed: HTTP probe failed with statuscode: 503"}
    moment = (
        deployment(1, 3, **status),
        [OLD, version(2, "census@2", OURS, ready=0)],
        [found] if found is not None else [],
    )
    with pytest.raises(Refused) as caught:
        follow(moment, told=[unhealthy])
    assert caught.value.problem.startswith("census@2 does not come up: ")
    assert words in caught.value.problem
    assert caught.value.problem.endswith(words[-8:])
    assert hint in str(caught.value.hint)
    assert "--rollback" in str(caught.value.hint)


NEW = version(2, "census@2", OURS, replicas=2, ready=0)
ALL_READY = (deployment(2, 2), [version(2, "census@2", OURS, replicas=2, ready=2)], [pod()])


def test_one_end_at_the_start_and_a_secret_that_comes_late_are_no_reason_to_give_up() -> None:
    waits = pod({**NOT_READY, "state": {"waiting": {"reason": "CreateContainerConfigError"}}})
    once = pod({**CRASHED, "restartCount": 1, "state": {"running": {}}})  # and its second start takes its time
    lines = follow(
        *[(deployment(1, 3), [OLD, NEW], [waits])] * 30, *[(deployment(1, 3), [OLD, NEW], [once])] * 120, ALL_READY
    )
    assert len(lines) == 2


def test_a_container_that_ended_twice_is_given_up_at_once() -> None:
    lines: list[str] = []
    crashes = [pod({**CRASHED, "restartCount": restarts}) for restarts in (0, 1, 2)]
    moments = [(deployment(1, 3), [OLD, NEW], [each]) for each in crashes]
    cluster = Cluster([*moments, ALL_READY])
    with pytest.raises(Refused, match="was revoked"):
        rollout.follow_rollout(
            "census", SERVICE, cast("Services", cluster), before=BEFORE, way_back="", on_progress=lines.append
        )
    assert cluster.at == 2


def test_old_ends_a_sidecar_and_a_pod_that_is_taken_away_are_not_held_against_the_release() -> None:
    old = pod({**CRASHED, "restartCount": 7, "state": {"running": {}}})
    sidecar = pod({**CRASHED, "name": "istio-proxy"})
    evicted = pod(CRASHED, phase="Failed")
    deleted = {**pod(CRASHED), "metadata": {"name": "census-2-abc", "deletionTimestamp": "2026-11-29T10:00:00Z"}}
    for each in (old, sidecar, evicted, deleted):
        follow((deployment(1, 3), [OLD, NEW], [each]), ALL_READY)


def test_what_kserve_has_not_taken_up_yet_is_neither_done_nor_taken_over() -> None:
    last = (deployment(2, 2, settings=BEFORE), [version(2, "census@1", OTHER, replicas=2, ready=2)], [pod()])
    assert follow(last, last, ALL_READY) == [
        "census@2: 0 of 2 pods are ready; the controller of the Deployment census has not taken up what was sent yet."
    ]
    with pytest.raises(Refused, match="has not taken up what was sent yet") as caught:
        follow(last)
    assert "--rollback" not in str(caught.value.hint)
    with pytest.raises(Refused, match="somebody else changed what census serves"):
        follow(last, (deployment(1, 3), [OLD, NEW], [pod()]), last)


def test_more_pods_of_the_same_settings_are_waited_for_until_kserve_hands_their_number_on() -> None:
    one = (deployment(1, 1, spec={"replicas": 1}), [version(2, "census@2", OURS)], [pod()])
    services = cast("Services", Cluster([one, one, ALL_READY]))
    lines: list[str] = []
    rollout.follow_rollout("census", SERVICE, services, before=SERVICE.digest, way_back="", on_progress=lines.append)
    assert lines == ["census@2: 1 of 2 pods are ready; the Deployment is scaled to 1 of 2 pods."]


SCALED = dataclasses.replace(SERVICE, scale=Scale(2, 6))


def test_an_autoscaler_may_raise_and_lower_the_number_of_pods_meanwhile() -> None:
    def moment(wanted: int, ready: int, total: int) -> tuple[Document, list[Document], list[Document]]:
        new = version(2, "census@2", OURS, replicas=wanted, ready=ready)
        return deployment(ready, total, spec={"replicas": wanted}), [OLD, new], [pod(NOT_READY)]

    assert follow(moment(2, 0, 2), moment(5, 2, 6), moment(3, 3, 3), service=SCALED) == [
        "census@2: 0 of 2 pods are ready.",
        "census@2: 2 of 5 pods are ready.",
    ]
    follow(moment(6, 4, 4), service=SCALED)  # there is no room for more, and four is enough


def test_a_new_deployment_begins_with_one_pod_until_its_autoscaler_has_seen_it() -> None:
    one = (deployment(1, 1, spec={"replicas": 1}), [version(2, "census@2", OURS)], [pod()])
    assert len(follow(*[one] * 20, ALL_READY, service=SCALED)) == 1
    with pytest.raises(Refused, match="scaled to 1 of 2 pods") as caught:
        follow(one, service=SCALED)
    assert "describe hpa/census" in str(caught.value.hint)


def test_the_revision_that_kserve_drops_for_a_moment_is_waited_for() -> None:
    dropped = deployment(1, 2)
    dropped["metadata"]["annotations"] = {}
    lines = follow((dropped, [OLD, NEW], []), ALL_READY)
    assert lines == ["census@2: 0 of 2 pods are ready."]


@pytest.mark.parametrize(
    ("spec", "words"),
    [({"paused": True}, "the Deployment is paused"), ({"replicas": 0}, "the Deployment is scaled to 0 of 2 pods")],
)
def test_a_deployment_that_somebody_holds_is_not_taken_for_done(spec: Document, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        follow((deployment(0, 0, spec=spec), [OLD, NEW], []))
    assert "--rollback" not in str(caught.value.hint)  # nothing serves on


def test_readiness_that_comes_and_goes_ends_too() -> None:
    on, off = (
        (deployment(2, 3), [OLD, version(2, "census@2", OURS, replicas=2, ready=ready)], [pod(NOT_READY)])
        for ready in (1, 0)
    )
    with pytest.raises(Refused, match="do not become ready"):
        follow(*[on, off] * 400)


@pytest.mark.parametrize("settings", ["c" * 64, SERVICE.digest[:-1]])
def test_another_rollout_that_takes_over_is_not_taken_for_ours(settings: str) -> None:
    with pytest.raises(Refused, match="somebody else changed"):
        follow((deployment(2, 2, settings=settings), [OLD], []))


def test_a_deployment_that_kserve_never_makes_is_given_up() -> None:
    services = cast("Services", Cluster([(None, [], [])]))
    lines: list[str] = []
    with pytest.raises(Refused, match="there is no Deployment census yet"):
        rollout.follow_rollout("census", SERVICE, services, before=None, way_back="", on_progress=lines.append)
    assert len(lines) == 1


def test_what_runs_has_a_row_a_version_and_the_newest_first() -> None:
    services = Cluster(
        [
            (
                None,
                [
                    version(1, "census@1", OTHER, replicas=1),
                    version(2, "census@2", OURS, ready=0, kserve=True),
                    version(3, "census@3", OURS, replicas=0, ready=0),
                ],
                [],
            )
        ]
    )
    rows = running_services(cast("Services", services))
    assert [(row.release, row.target, row.ready, row.pods) for row in rows] == [
        ("census@2", "kubeflow", 0, 1),
        ("census@1", "kubectl", 1, 1),
    ]
    assert [row.rests_on(parse_digest(f"{OURS[:19].upper()}…")) for row in rows] == [True, False]
    assert all(row.rests_on("4" * 12) and row.rests_on(SERVICE.image.rpartition("@sha256:")[2]) for row in rows)
    assert not any(row.rests_on("5" * 12) for row in rows)


@pytest.mark.parametrize("text", ["", "sha256:", "census@1", "51a7", "…"])
def test_what_is_no_digest_is_not_looked_for_in_vain(text: str) -> None:
    with pytest.raises(InputError, match="is not a digest"):
        parse_digest(text)


def test_the_release_before_is_the_last_with_another_digest() -> None:
    kept = [
        version(1, "census@1", OTHER, replicas=0, ready=0),
        version(2, "census@2", OURS, replicas=0, ready=0),
        version(3, "census@2", OURS),
    ]
    assert release_before("census", cast("Services", Cluster([(None, kept, [])]))) == ("census@1", "0" * 64)
    with pytest.raises(Refused, match="another release than census@2"):
        release_before("census", cast("Services", Cluster([(None, kept[1:], [])])))
    with pytest.raises(Refused, match="is not in the namespace"):
        release_before("digits", cast("Services", Cluster([(None, kept, [])])))


def test_the_release_that_still_serves_is_the_one_to_go_back_to() -> None:
    failed = [version(number, f"census@{number}", f"sha256:{str(number) * 64}", ready=0) for number in (4, 3)]
    serving = version(2, "census@2", OURS)
    assert release_before("census", cast("Services", Cluster([(None, [*failed, serving], [])])))[0] == "census@2"
    same = version(3, "census@2", OURS, ready=0, settings="d" * 64)
    with pytest.raises(Refused, match="with the settings of before"):
        release_before("census", cast("Services", Cluster([(None, [same, serving, OLD], [])])))


def test_annotations_that_somebody_spoiled_are_passed_over() -> None:
    spoiled = version(2, "census@2", OURS, replicas=0, ready=0)
    spoiled["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "x"}
    del spoiled["spec"]["template"]["metadata"]["annotations"]["seatrial/release"]
    kept = [version(3, "census@3", f"sha256:{'3' * 64}"), spoiled, version(1, "census@1", OTHER, replicas=0, ready=0)]
    assert release_before("census", cast("Services", Cluster([(None, kept, [])]))) == ("census@1", "0" * 64)
