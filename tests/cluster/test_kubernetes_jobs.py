"""Steps as Jobs of a real cluster: by the suite that every place passes, and where pods do not come up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seatrial.errors import InputError, Problems, Refused, SeatrialError, TargetError
from seatrial.pipeline.places import waiting_step
from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs
from tests.cluster.conftest import Team, kubectl, objects_in
from tests.place_contract import CHECKS, Subject, opened, write_project


@pytest.fixture
def folder(team: Team, tmp_path: Path) -> Path:
    write_project(tmp_path / "places", team.profile)
    return tmp_path / "places"


@pytest.fixture
def subject(folder: Path) -> Iterator[Subject]:
    with opened(KubernetesJobs, folder, "prod", "20260101T000000-abcdef") as subject:
        yield subject


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_cluster(check: Callable[[Subject], None], subject: Subject) -> None:
    check(subject)


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "pipeline.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


COUNTED = '    print("counted to", number)\n'


def failure(folder: Path) -> SeatrialError:
    """How the step `counts` of the project, as it is now, fails on the cluster."""
    with opened(KubernetesJobs, folder, "prod", "20260101T000000-abcdef") as subject:
        return subject.fails("counts")


def test_too_little_memory_is_told_with_the_limit(folder: Path) -> None:
    edit(folder, COUNTED, "    held = bytearray(700 << 20)\n    held[::4096] = b'1' * len(held[::4096])\n")
    error = failure(folder)
    assert "step 'counts': it needed more memory than its limit of 512Mi." in str(error)


def until(happened: Callable[[], bool], what: str = "") -> None:
    """Waits for it."""
    last = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < last, what
        time.sleep(0.2)


def test_what_no_node_has_is_told_as_what_is_missing(folder: Path) -> None:
    edit(folder, 'memory="512Mi")\ndef counts', 'memory="900Gi")\ndef counts')
    with opened(KubernetesJobs, folder, "prod", "20260101T000000-abcdef") as subject, ThreadPoolExecutor(1) as pool:
        run = pool.submit(subject.fails, "counts")
        until(lambda: any("Insufficient memory" in words for words in subject.waiting))
        subject.place.end()
        run.result()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('image = "', 'image = "registry.invalid/'), "ImagePull"),
        (('secret = "seatrial-store"', 'secret = "not-there"'), "not-there"),
        (('signing_secret = "seatrial-signing"', 'service_account = "nobody"'), "nobody"),
    ],
    ids=["an image that cannot be had", "a Secret that is not there", "a ServiceAccount that is not there"],
)
def test_what_never_begins_ends_with_its_reason(
    folder: Path, change: tuple[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_step, "PATIENCE_S", 5.0)
    project = folder / "seatrial.toml"
    text = project.read_text()
    assert change[0] in text
    project.write_text(text.replace(*change, 1))
    error = failure(folder)
    assert "step 'counts' cannot begin: " in error.problem
    assert words in error.problem
    assert error.hint


def test_a_quota_is_waited_for_and_told(folder: Path, team: Team) -> None:
    kubectl("--namespace", team.namespace, "create", "quota", "small", "--hard=pods=0")
    with opened(KubernetesJobs, folder, "prod", "20260101T000000-abcdef") as subject, ThreadPoolExecutor(1) as pool:
        run = pool.submit(subject.run, "counts")
        until(lambda: any("exceeded quota" in words for words in subject.waiting))
        kubectl("--namespace", team.namespace, "delete", "quota", "small")
        assert run.result(120).outputs


def test_a_deleted_pod_is_replaced_where_the_step_may_be_tried_again(folder: Path, team: Team) -> None:
    edit(folder, 'memory="512Mi")\ndef counts', 'memory="512Mi", retries=1)\ndef counts')
    edit(folder, COUNTED, f"    time.sleep(10)\n{COUNTED}")
    with opened(KubernetesJobs, folder, "prod", "20260101T000000-abcdef") as subject, ThreadPoolExecutor(1) as pool:
        run = pool.submit(subject.run, "counts")
        until(lambda: "Running" in kubectl("--namespace", team.namespace, "get", "pods"))
        kubectl("--namespace", team.namespace, "delete", "pods", "--all", "--wait=false")
        assert run.result(180).outputs


def test_a_deleted_job_is_a_failure(folder: Path, team: Team) -> None:
    edit(folder, COUNTED, "    time.sleep(600)\n")
    with opened(KubernetesJobs, folder, "prod", "20260101T000000-abcdef") as subject, ThreadPoolExecutor(1) as pool:
        run = pool.submit(subject.fails, "counts")
        until(lambda: "Running" in kubectl("--namespace", team.namespace, "get", "pods"))
        kubectl("--namespace", team.namespace, "delete", "jobs", "--all", "--wait=false")
        assert "somebody deleted its Job" in run.result(120).problem


def test_the_end_of_a_run_leaves_nothing_that_runs(folder: Path, team: Team) -> None:
    edit(folder, COUNTED, "    time.sleep(600)\n")
    with opened(KubernetesJobs, folder, "prod", "20260101T000000-abcdef") as subject, ThreadPoolExecutor(1) as pool:
        run = pool.submit(subject.fails, "counts")
        until(lambda: "Running" in kubectl("--namespace", team.namespace, "get", "pods"))
        subject.place.end()
        run.result(60)
        until(lambda: not objects_in(team.namespace))


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ('context = "one-node"', 'context = "one-nod"', InputError, 'Did you mean "one-node"?'),
        ('namespace = "team-', 'namespace = "no-team-', Refused, "kubectl create namespace no-team-"),
    ],
)
def test_a_cluster_that_is_not_as_the_profile_says(
    folder: Path, old: str, new: str, kind: type[SeatrialError], words: str
) -> None:
    project = folder / "seatrial.toml"
    project.write_text(project.read_text().replace(old, new, 1))
    with pytest.raises(kind, match=words.replace("?", r"\?")), opened(KubernetesJobs, folder, "prod", "run"):
        pass


def test_a_cluster_that_does_not_answer(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = tmp_path / "nobody.kubeconfig"
    nobody.write_text(
        "apiVersion: v1\nkind: Config\n"
        "clusters: [{name: none, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: [{name: none, user: {token: none}}]\n"
        "contexts: [{name: one-node, context: {cluster: none, user: none}}]\n"
    )
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("KUBECONFIG", str(nobody))
        with pytest.raises(TargetError, match="does not answer"), opened(KubernetesJobs, folder, "prod", "run"):
            pass


def test_a_profile_that_no_cluster_can_use_is_told_whole(tmp_path: Path) -> None:
    write_project(tmp_path, "[profile.prod]\n")
    with pytest.raises(Problems) as caught, opened(KubernetesJobs, tmp_path, "prod", "run"):
        pass
    told = str(caught.value)
    assert all(f"[profile.prod] {key}:" in told for key in ("store", "image", "cluster", "catalog"))
