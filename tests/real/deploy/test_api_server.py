"""Every document on a real API server: strict, in a restricted namespace, and a warning is a failure."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.cluster.scale import Scale
from seatrial.deploy import autoscaling, find_target, server_side_apply
from seatrial.deploy.kustomization import kustomization
from seatrial.deploy.target import Document, write_documents
from seatrial.errors import InputError, Refused, TargetError
from tests.deploy_sample import SERVICE

pytestmark = pytest.mark.real

API_PORT = 6443  # the cluster script's own
STARTUP_S = 240
NAMESPACE = "models"
VARIANTS = {
    "usual": SERVICE,
    "one replica, the pod's identity, a passed release": dataclasses.replace(
        SERVICE, replicas=1, secret=None, callers=(), verdict="pass", waived_until=None, endpoint=None
    ),
    "as many pods as their load asks for": dataclasses.replace(SERVICE, scale=Scale(2, 6)),
    "the longest name": dataclasses.replace(SERVICE, name="n" * 40, version=10_000),
    "text that looks like numbers": dataclasses.replace(
        SERVICE, store_url="s3://1e3/0o17", region="1e3", trust="1e3", cpu="1.5", memory="2Gi"
    ),
}


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An API server with the schemas of KServe, and a namespace under the restricted standard."""
    cluster = os.environ.get("SEATRIAL_TEST_CLUSTER") or shutil.which("cluster")
    if cluster is None or not Path(cluster).is_file():
        pytest.skip("no API server to try on: set SEATRIAL_TEST_CLUSTER to the script that starts one")
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on PATH")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", API_PORT)) == 0:
            pytest.skip(f"another API server holds port {API_PORT}")
    state = tmp_path_factory.mktemp("cluster")
    environment = {**os.environ, "CLUSTER_STATE": str(state), "KUBECONFIG": str(state / "admin.kubeconfig")}

    def call(*command: str) -> None:
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=STARTUP_S)

    try:
        call(cluster, "up", "api")
        call(cluster, "crds")
        call("kubectl", "wait", "--for=condition=Established", "crd/inferenceservices.serving.kserve.io")
        call("kubectl", "create", "namespace", NAMESPACE)
        restricted = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn", "audit")]
        call("kubectl", "label", "namespace", NAMESPACE, *restricted)
        yield state / "admin.kubeconfig"
    finally:
        call(cluster, "down")


@pytest.fixture
def api(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))


def read_back(kind: str, name: str, path: str) -> str:
    command = ["kubectl", "get", "--namespace", NAMESPACE, kind, name, f"--output=jsonpath={path}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["kubectl", "kubeflow"])
def test_every_document_passes_a_strict_dry_run_on_the_server(name: Any, variant: str) -> None:
    documents = find_target(name).render_service(VARIANTS[variant])
    lines = server_side_apply.dry_run(documents).splitlines()
    assert len(lines) == len(documents)
    assert all(line.endswith("serverside-applied (server dry run)") for line in lines)


SPOILS = [
    ("kubectl", "readOnlyRootFilesystem", "readonlyRootFilesystem", "field not declared in schema"),
    ("kubectl", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "violate PodSecurity"),
    ("kubectl", "runAsNonRoot: true", "runAsNonRoot: false", "violate PodSecurity"),
    ("kubectl", "kind: NetworkPolicy", "kind: NetworkPolice", "NetworkPolice"),
    ("kubectl", "maxUnavailable: 1", 'maxUnavailable: "one"', "maxUnavailable"),
    ("kubectl", f"namespace: {NAMESPACE}", "namespace: nowhere", 'namespaces "nowhere" not found'),
    ("kubeflow", "minReplicas", "replicas", "field not declared in schema"),
    ("kubeflow", "readOnlyRootFilesystem", "readonlyRootFilesystem", "field not declared in schema"),
    ("kubeflow", "containers:", "container:", "field not declared in schema"),
]


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("name", "right", "wrong", "words"), SPOILS)
def test_a_document_with_a_mistake_is_refused_there(name: Any, right: str, wrong: str, words: str) -> None:
    documents = find_target(name).render_service(SERVICE)
    spoiled = [Document(one.path, one.text.replace(right, wrong)) for one in documents]
    assert list(documents) != spoiled
    with pytest.raises(Refused) as caught:
        server_side_apply.dry_run(spoiled)
    assert words in caught.value.problem


@pytest.mark.usefixtures("api")
def test_what_was_rendered_is_what_the_server_holds() -> None:
    subject, service = find_target("kubectl"), VARIANTS["text that looks like numbers"]
    lines = subject.apply(service, subject.render_service(service)).splitlines()
    assert [line.split(" ")[1] for line in lines] == ["serverside-applied"] * 6
    image = "{.spec.template.spec.containers[0].image}"
    assert read_back("deployment", "census", image) == SERVICE.image
    assert (
        read_back("deployment", "census", r"{.metadata.annotations.seatrial/release-digest}")
        == f"sha256:{SERVICE.release_digest}"
    )
    configuration = read_back("deployment", "census", "{.spec.template.spec.volumes[0].configMap.name}")
    assert read_back("configmap", configuration, r"{.data.trust\.toml}") == "1e3"


@pytest.mark.usefixtures("api")
def test_the_next_version_takes_the_place_of_the_last_and_nothing_is_sent_when_one_document_is_wrong() -> None:
    subject = find_target("kubectl")
    subject.apply(SERVICE, subject.render_service(SERVICE))
    following = subject.render_service(dataclasses.replace(SERVICE, version=3))
    wrong = [Document(one.path, one.text.replace("maxUnavailable: 1", 'maxUnavailable: "one"')) for one in following]
    with pytest.raises(Refused, match="maxUnavailable"):
        subject.apply(SERVICE, wrong)
    version = r"{.metadata.labels.app\.kubernetes\.io/version}"
    assert read_back("deployment", "census", version) == "2"
    subject.apply(SERVICE, following)
    assert read_back("deployment", "census", version) == "3"


@pytest.mark.usefixtures("api")
def test_a_field_that_somebody_else_owns_is_not_taken_from_them() -> None:
    subject = find_target("kubectl")
    service = dataclasses.replace(SERVICE, name="shared")
    subject.apply(service, subject.render_service(service))
    scale = ["kubectl", "scale", "--namespace", NAMESPACE, "deployment/shared", "--replicas=7"]
    subprocess.run(scale, check=True, capture_output=True, timeout=60)
    with pytest.raises(Refused, match="conflict") as caught:
        subject.apply(service, subject.render_service(service))
    assert "kubectl" in str(caught.value.hint)
    assert read_back("deployment", "shared", "{.spec.replicas}") == "7"


@pytest.mark.usefixtures("api")
def test_an_autoscaler_takes_over_the_number_of_pods_that_is_there() -> None:
    subject, service = find_target("kubectl"), dataclasses.replace(SERVICE, name="scaled", replicas=3)
    scaled = dataclasses.replace(service, scale=Scale(2, 6))
    subject.apply(service, subject.render_service(service))
    assert "replicas" not in subject.difference(scaled, subject.render_service(scaled)).replace("Replicas", "")
    with pytest.raises(Refused, match="does not measure what its pods use"):  # no metrics-server here
        subject.apply(scaled, subject.render_service(scaled))
    autoscaling.hand_over_replicas(scaled, "scaled")
    for version in (2, 3):
        following = dataclasses.replace(scaled, version=version)
        server_side_apply.apply(subject.render_service(following))
        assert read_back("deployment", "scaled", "{.spec.replicas}") == "3"
    with pytest.raises(Refused, match="would change replicas = 3"):
        subject.apply(service, subject.render_service(service))


@pytest.mark.parametrize("user", ["{}", "{token: expired}"])
def test_a_cluster_that_cannot_be_asked_is_no_refusal(
    user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on PATH")
    nobody = tmp_path / "config"
    nobody.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: none\n"
        "clusters: [{name: none, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        f"users: [{{name: none, user: {user}}}]\n"
        "contexts: [{name: none, context: {cluster: none, user: none}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(nobody))
    with pytest.raises(TargetError, match="could not be asked"):
        server_side_apply.dry_run(find_target("kubectl").render_service(SERVICE))


def test_somebody_without_rights_is_told_whom_to_ask(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ["kubectl", f"--kubeconfig={kubeconfig}", "create", "token", "default", "--namespace", NAMESPACE]
    given = subprocess.run(token, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    mine = tmp_path / "config"
    shutil.copy(kubeconfig, mine)
    for words in (["set-credentials", "guest", f"--token={given}"], ["set-context", "--current", "--user=guest"]):
        command = ["kubectl", f"--kubeconfig={mine}", "config", *words]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    monkeypatch.setenv("KUBECONFIG", str(mine))
    with pytest.raises(Refused, match="forbidden") as caught:
        server_side_apply.dry_run(find_target("kubectl").render_service(SERVICE))
    assert "Ask whoever runs the cluster" in str(caught.value)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["kubectl", "kubeflow"])
def test_kustomize_builds_the_objects_that_are_sent(name: Any, variant: str, tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on PATH")
    documents = find_target(name).render_service(VARIANTS[variant])
    write_documents([*documents, kustomization(documents)], tmp_path)
    (tmp_path / "horizontalpodautoscaler-of-last-week.yaml").write_text("kind: HorizontalPodAutoscaler\n")
    done = subprocess.run(["kubectl", "kustomize", tmp_path], capture_output=True, text=True, timeout=60, check=True)
    built = {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}
    assert built == {one["kind"]: one for one in (yaml.safe_load(document.text) for document in documents)}


def test_without_kubectl_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="not on PATH"):
        server_side_apply.apply(find_target("kubectl").render_service(SERVICE))
