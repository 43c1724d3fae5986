"""`seatrial deploy`: what it renders, what it refuses, and with which exit status."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from seatrial.cli import main
from seatrial.cluster.scale import Scale
from seatrial.deploy.admission import prepare_service
from seatrial.deploy.service_of_release import request_service
from seatrial.errors import Problems, Refused
from seatrial.pipeline.project.settings import ProfileSettings, Project, ServiceChoice, StoreChoice
from seatrial.pipeline.workspace import Workspace
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import Release
from seatrial.releases.source import StoredRelease
from seatrial.releases.trust import Trust, parse_trust
from seatrial.releases.verify import Verification, verify
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import CatalogSettings, StoreSettings
from tests.deploy_sample import IMAGE, NOW, make_home, put_release

PROJECT = f"""
[project]
name = "census"

[profile.prod]
store = {{ url = "s3://lake/census", endpoint = "https://minio.data:9000", credentials = "env" }}
image = "{IMAGE}"
service = {{ namespace = "models", replicas = 3, callers = ["web"] }}

[profile.half]
service = {{ cpu = "1" }}
"""
MakeRelease = Callable[..., Release]
Deploy = Callable[..., tuple[int, str, str]]
PROFILE = ProfileSettings(store=StoreChoice("s3://lake/census", "https://minio.data:9000", "env"), image=IMAGE)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_objects(StoreSettings(url=(tmp_path / "store").as_uri()))


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, SigningKey]:
    """The keys of SEATRIAL_HOME, which its trust.toml trusts."""
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return make_home(tmp_path / "home")


@pytest.fixture
def make_release(objects: Objects, keys: dict[str, SigningKey]) -> MakeRelease:
    return functools.partial(put_release, objects, keys)


@pytest.fixture
def project(tmp_path: Path, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder; whatever its profile says of the store, its objects are those of `objects`."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "seatrial.toml").write_text(PROJECT)

    @contextmanager
    def open_project(project: Project, profile: str) -> Iterator[Workspace]:
        store = StoreSettings(url="s3://lake/census")
        catalog = CatalogSettings("sqlite://", "s3://lake/census/warehouse", store)
        yield Workspace(project, profile, project.profiles[profile], store, catalog, objects, folder)

    monkeypatch.setattr("seatrial.pipeline.open_release.open_project", open_project)
    return folder


@pytest.fixture
def deploy(project: Path, capsys: pytest.CaptureFixture[str]) -> Deploy:
    """Runs the command in the project; gives its exit status, stdout and stderr."""

    def run(*arguments: str, profile: str = "prod") -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["deploy", *arguments, "--profile", profile, "--directory", str(project)])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def trust(keys: dict[str, SigningKey], tmp_path: Path) -> Trust:
    return parse_trust((tmp_path / "home" / "trust.toml").read_text(), "trust.toml")


@pytest.fixture
def verified(make_release: MakeRelease, objects: Objects, trust: Trust) -> Verification:
    return verify(StoredRelease(objects, "census", make_release().version), trust, now=NOW)


@pytest.mark.simulation
def test_a_release_that_passed_is_rendered_as_its_profile_says(deploy: Deploy, make_release: MakeRelease) -> None:
    release = make_release()
    status, out, err = deploy("census@1", "--to", "kubectl")
    deployment = next(one for one in yaml.safe_load_all(out) if one["kind"] == "Deployment")
    assert status == 0
    assert deployment["metadata"]["namespace"] == "models"
    assert deployment["spec"]["replicas"] == 3
    assert f"sha256:{sha256(to_json(release))}" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE
    assert err.startswith("Next: ")


def test_the_newest_release_that_passed_is_taken_when_none_is_named(deploy: Deploy, make_release: MakeRelease) -> None:
    make_release()
    make_release(accuracy=0.5)
    status, out, _ = deploy("--to", "kubectl", "--json")
    assert status == 0
    assert json.loads(out)["release"] == "census@1"


def test_json_prints_one_document_and_nothing_else(deploy: Deploy, make_release: MakeRelease) -> None:
    digest = sha256(to_json(make_release()))
    status, out, err = deploy("census@1", "--to", "azureml", "--json")
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert {key: document[key] for key in document if key != "documents"} == {
        "release": "census@1",
        "digest": digest,
        "verdict": "pass",
        "waived_until": None,
        "target": "azureml",
        "sent": False,
        "rolled_out": False,
    }
    assert [one["path"] for one in document["documents"]][:3] == ["endpoint.yaml", "deployment.yaml", "traffic.yaml"]


@pytest.mark.parametrize(
    ("to", "following"),
    [("kubectl", "seatrial -k "), ("kubeflow", "seatrial -k "), ("azureml", "az ml online-endpoint create")],
)
def test_documents_are_written_and_the_next_command_named(
    deploy: Deploy, make_release: MakeRelease, tmp_path: Path, to: str, following: str
) -> None:
    make_release()
    status, out, _ = deploy("census@1", "--to", to, "--output", str(tmp_path / "out"))
    *paths, last = out.splitlines()
    assert status == 0
    assert sorted(map(Path, paths)) == sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert following in last
    assert str(tmp_path / "out") in last


@pytest.mark.simulation
def test_what_is_written_is_what_would_be_sent(
    deploy: Deploy, make_release: MakeRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release()
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    sends = f'echo "$@" >> {tmp_path}/called\ncat > {tmp_path}/sent\necho applied\n'
    kubectl.write_text(f'#!/bin/sh\n[ "$2" = get ] && exit\n{sends}')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{kubectl.parent}:/usr/bin:/bin")
    status, out, _ = deploy("census@1", "--to", "kubectl", "--output", str(tmp_path / "out"), "--apply", "--detach")
    order = ["serviceaccount", "configmap", "networkpolicy", "deployment", "service", "poddisruptionbudget"]
    assert status == 0
    assert (tmp_path / "sent").read_text() == "".join((tmp_path / "out" / f"{one}.yaml").read_text() for one in order)
    tried, sent = (tmp_path / "called").read_text().splitlines()
    assert "--server-side --field-manager=seatrial" in sent
    assert "--dry-run=server" in tried
    assert "--dry-run" not in sent
    assert out == "applied\nNext: kubectl --namespace models rollout status deployment/census\n"


@pytest.mark.parametrize("accuracy", [0.5, 0.8])
def test_a_release_that_did_not_pass_is_refused(deploy: Deploy, make_release: MakeRelease, accuracy: float) -> None:
    make_release(accuracy)
    status, out, err = deploy("census@1", "--to", "kubectl")
    assert (status, out) == (1, "")
    assert "the release's verdict is" in err


def test_a_waived_release_says_so_in_its_documents(deploy: Deploy, make_release: MakeRelease) -> None:
    make_release(0.5, waived_days=7)
    status, out, _ = deploy("census@1", "--to", "kubectl")
    assert status == 0
    for document in yaml.safe_load_all(out):
        assert document["metadata"]["labels"]["seatrial/verdict"] == "fail"
        assert document["metadata"]["annotations"]["seatrial/waived-until"] > NOW.isoformat()[:10]


def test_a_release_whose_bytes_changed_is_refused(deploy: Deploy, make_release: MakeRelease, objects: Objects) -> None:
    make_release()
    objects.put("releases/census/1/model/model.onnx", b"b graph")
    status, out, err = deploy("census@1", "--to", "kubectl")
    assert (status, out) == (1, "")
    assert "model/model.onnx" in err


def test_a_release_of_somebody_unknown_is_refused(deploy: Deploy, make_release: MakeRelease, tmp_path: Path) -> None:
    make_release()
    (tmp_path / "home" / "trust.toml").write_text("")
    assert deploy("census@1", "--to", "kubectl")[:2] == (1, "")


@pytest.mark.parametrize(("profile", "keys"), [("local", ("store", "image")), ("half", ("store", "image"))])
def test_both_missing_keys_of_a_profile_are_named_before_anything_is_opened(
    deploy: Deploy, profile: str, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.pipeline.open_release.open_project", None)  # opening would start the embedded store
    status, out, _ = deploy("census@1", "--to", "kubectl", "--json", profile=profile)
    problems = [one["problem"] for one in json.loads(out)["errors"]]
    assert status == 2
    assert [problem.partition(":")[0] for problem in problems] == [f"[profile.{profile}] {key}" for key in keys]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"store": None}, "store"),
        ({"store": StoreChoice("file:store")}, "store"),
        ({"store": StoreChoice("s3://lake", "http://127.0.0.1:9000")}, "store"),
        ({"store": StoreChoice("s3://lake", "http://localhost")}, "store"),
        ({"store": StoreChoice("s3://lake", "http://[::1]:9000")}, "store"),
        ({"image": None}, "image"),
        ({"image": "registry.example/census:2"}, "image"),
        ({"image": "registry.example/census@sha256:abc"}, "image"),
        ({"service": ServiceChoice(cpu="half")}, "service.cpu"),
        ({"service": ServiceChoice(secret="AKIA/SECRET")}, "service.secret"),
    ],
)
def test_a_profile_that_no_cluster_could_use_names_its_key(
    verified: Verification, change: dict[str, object], key: str
) -> None:
    profile = dataclasses.replace(PROFILE, **change)  # type: ignore[arg-type]  # each change has its key's type
    with pytest.raises(Problems) as caught:
        prepare_service(verified, "prod", profile, trust="")
    assert [one.problem.partition(":")[0] for one in caught.value.errors] == [f"[profile.prod] {key}"]
    assert caught.value.exit_status == 2


def test_a_store_without_credentials_is_opened_by_the_pods_identity(verified: Verification) -> None:
    profile = dataclasses.replace(PROFILE, store=StoreChoice("s3://lake/census"))
    assert prepare_service(verified, "prod", profile, trust="").secret is None
    assert prepare_service(verified, "prod", PROFILE, trust="").secret == "seatrial-store"


def test_the_scale_of_a_profile_is_that_of_the_service(verified: Verification) -> None:
    scaled = dataclasses.replace(PROFILE, service=ServiceChoice(scale=Scale(2, 6)))
    assert prepare_service(verified, "prod", scaled, trust="").scale == Scale(2, 6)
    wrong = dataclasses.replace(PROFILE, service=ServiceChoice(scale=Scale(6, 2)))
    with pytest.raises(Problems, match=r"\[profile.prod\] service.scale.max"):
        prepare_service(verified, "prod", wrong, trust="")


def test_samples_are_kept_without_columns_that_the_release_has(verified: Verification) -> None:
    choice = ServiceChoice(sample=0.01, sample_without=("age",), samples="s3://samples/served", guard=True)
    service = prepare_service(verified, "prod", dataclasses.replace(PROFILE, service=choice), trust="")
    assert (service.sample, service.sample_without, service.samples) == (0.01, ("age",), "s3://samples/served")
    assert service.guard
    misspelled = dataclasses.replace(PROFILE, service=dataclasses.replace(choice, sample_without=("ag",)))
    problem = r"\[profile.prod\] service.sample_without: the model does not have an input 'ag'"
    with pytest.raises(Problems, match=problem):
        prepare_service(verified, "prod", misspelled, trust="")


def test_the_trust_that_is_sent_is_the_trust_it_was_verified_with(
    project: Path, make_release: MakeRelease, tmp_path: Path
) -> None:
    make_release()
    home = tmp_path / "home"
    service = request_service(None, directory=project, profile="prod")
    assert service.trust == (home / "trust.toml").read_text()
    assert "PRIVATE" not in service.trust


def test_a_release_in_a_folder_is_not_deployed_from_there(deploy: Deploy, keys: object, tmp_path: Path) -> None:
    status, _, err = deploy(str(tmp_path), "--to", "kubectl")
    assert status == 2
    assert "name@version" in err


def test_azure_is_sent_to_by_its_own_tool(deploy: Deploy, make_release: MakeRelease) -> None:
    make_release()
    status, _, err = deploy("census@1", "--to", "azureml", "--apply")
    assert status == 1
    assert "az ml online-endpoint create" in err


def test_a_release_that_is_not_deployable_never_becomes_settings(
    make_release: MakeRelease, objects: Objects, trust: Trust
) -> None:
    version = make_release(0.5).version
    with pytest.raises(Refused, match="the release's verdict is fail"):
        prepare_service(verify(StoredRelease(objects, "census", version), trust, now=NOW), "prod", PROFILE, trust="")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--diff", "--apply"), "--diff: --diff sends nothing."),
        (("--detach",), "--detach: nothing is sent to be waited for."),
        (("census@1", "--rollback"), "census@1: --rollback finds the release by itself."),
    ],
)
def test_options_that_contradict_one_another_are_refused(deploy: Deploy, options: tuple[str, ...], words: str) -> None:
    status, out, err = deploy("--to", "kubectl", *options)
    assert (status, out) == (2, "")
    assert err.startswith(words)
