"""Settings that no target could have are refused when they are put together, all at once."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.cluster.dns_names import dns_label, is_dns_label
from seatrial.cluster.scale import Scale
from seatrial.deploy import find_target, workload
from seatrial.deploy.find_target import BUILT_IN
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import InputError, Problems
from tests.deploy_sample import SERVICE

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,38}[a-z0-9]", fullmatch=True)  # of projects
COLUMNS = st.from_regex(r"[a-z$%'\"{][ a-zA-Z0-9:#'\"ß日]{0,10}[a-z]", fullmatch=True)
SERVICES = st.builds(
    ServiceSettings,
    name=NAMES,
    version=st.integers(1, 10_000),
    release_digest=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    model_digest=st.just("b" * 64),
    verdict=st.sampled_from(["pass", "fail", "inconclusive"]),
    waived_until=st.none() | st.just("2026-12-01T00:00:00Z"),
    image=st.just(SERVICE.image),
    store_url=st.from_regex(r"s3://[a-z0-9][a-z0-9.-]{1,20}(/[a-z0-9/_-]{0,20})?", fullmatch=True),
    endpoint=st.none() | st.from_regex(r"https?://[a-z0-9.-]{1,20}(:[1-9][0-9]{0,3})?", fullmatch=True),
    region=st.sampled_from(["us-east-1", "eu-central-1"]),
    trust=st.text(st.characters(exclude_categories=["Cs"])),
    namespace=LABELS,
    replicas=st.integers(1, 1000),
    secret=st.none() | LABELS,
    callers=st.lists(LABELS, max_size=3).map(tuple),
    guard=st.booleans(),
    sample=st.floats(0, 1, exclude_min=True),
    sample_without=st.lists(COLUMNS, max_size=3).map(tuple),
    samples=st.none() | st.from_regex(r"s3://[a-z0-9][a-z0-9.-]{1,20}(/[a-z0-9/_-]{0,20})?", fullmatch=True),
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding


@settings(unhurried, max_examples=50)  # three targets read back from YAML each time
@given(SERVICES, st.sampled_from(tuple(BUILT_IN)))
def test_every_legal_setting_renders_to_legal_names_and_files_that_read_back(service: ServiceSettings, to: Any) -> None:
    for document in find_target(to).render_service(service):
        if not document.path.endswith(".yaml"):
            continue
        manifest = yaml.load(document.text, yaml.CSafeLoader)
        assert is_dns_label(manifest.get("metadata", manifest)["name"])
        if manifest.get("kind") == "ConfigMap":
            assert manifest["data"] == workload.configuration_files(service)


@unhurried
@given(SERVICES)
def test_the_configuration_opens_the_same_store(service: ServiceSettings) -> None:
    files = workload.configuration_files(service)
    store = tomllib.loads(files["seatrial.toml"])["profile"][workload.PROFILE]["store"]
    assert store["url"] == service.store_url
    assert store.get("endpoint") == service.endpoint
    assert store["region"] == service.region
    assert store.get("credentials") == ("env" if service.secret else None)
    assert files["trust.toml"] == service.trust


@unhurried
@given(SERVICES)
def test_a_private_authority_goes_with_the_project_file_that_names_it(service: ServiceSettings) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
    files = workload.configuration_files(dataclasses.replace(service, certificates=pem))
    store = tomllib.loads(files["seatrial.toml"])["profile"][workload.PROFILE]["store"]
    assert files[store["ca"].removeprefix("file:")] == pem
    assert "ca = " not in workload.configuration_files(dataclasses.replace(service, certificates=None))["seatrial.toml"]


@unhurried
@given(SERVICES, st.text(st.characters(exclude_categories=["Cs"])))
def test_another_trust_gets_another_configuration(service: ServiceSettings, trust: str) -> None:
    other = dataclasses.replace(service, trust=trust)
    same = workload.configuration_name(service, "x") == workload.configuration_name(other, "x")
    assert same == (trust == service.trust)


@unhurried
@given(st.text(min_size=1), st.integers(20, 63))
def test_any_name_becomes_a_legal_label(name: str, limit: int) -> None:
    label = dns_label(name, limit=limit)
    assert is_dns_label(label, limit=limit)
    assert dns_label(label, limit=limit) == label


@unhurried
@given(st.lists(st.text(min_size=1), min_size=2, max_size=8, unique=True))
def test_two_names_never_share_a_label(names: list[str]) -> None:
    assert len({dns_label(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("release_digest", "abc", "release digest"),
        ("image", "registry.example/census:2", "image"),
        ("image", f"registry.example/census@sha256:{'c' * 63}", "image"),
        ("store_url", "file:///tmp/store", "store.url"),
        ("endpoint", "minio:9000", "store.endpoint"),
        ("endpoint", "https://user:password@minio:9000", "store.endpoint"),
        ("namespace", "My_Models", "service.namespace"),
        ("callers", ("web", "-"), "service.callers"),
        ("replicas", 0, "service.replicas"),
        ("scale", Scale(0, 3), "service.scale.min"),
        ("scale", Scale(3, 3), "service.scale.max"),
        ("scale", Scale(2, 3, 0.95), "service.scale.cpu"),
        ("scale", Scale(2, 3, float("nan")), "service.scale.cpu"),
        ("scale", Scale(2, 3, 70), "service.scale.cpu"),
        ("cpu", "0", "service.cpu"),
        ("cpu", "0.0", "service.cpu"),
        ("cpu", "half", "service.cpu"),
        ("memory", "512", "service.memory"),
        ("secret", "AKIA/SECRET+KEY=", "service.secret"),
        ("instance_type", "Standard_Made_Up", "service.instance_type"),
        ("instance_type", "m5.large", "service.instance_type"),
        ("sample", 0.0, "service.sample"),
        ("sample", 1.5, "service.sample"),
        ("sample", float("nan"), "service.sample"),
        ("sample_without", ("sex",), "service.sample_without"),
        ("samples", "s3://lake/samples", "service.samples"),
    ],
)
def test_a_setting_that_no_target_could_have_is_named(key: str, value: object, path: str) -> None:
    with pytest.raises(Problems) as caught:
        dataclasses.replace(SERVICE, **{key: value})  # type: ignore[arg-type]  # wrong on purpose
    assert [one.path for one in caught.value.errors] == [path]


def test_all_wrong_settings_are_named_at_once_and_no_secret_is_repeated() -> None:
    with pytest.raises(Problems) as caught:
        dataclasses.replace(SERVICE, image="census", secret="AKIA/SECRET", cpu="half")
    assert {one.path for one in caught.value.errors} == {"image", "service.secret", "service.cpu"}
    assert "AKIA" not in str(caught.value)


@pytest.mark.parametrize("size", ["Standard_DS3_v2", "Standard_E4s_v3", "Standard_NC4as_T4_v3", "Standard_F72s_v2"])
def test_sizes_as_azure_names_them_are_taken(size: str) -> None:
    assert dataclasses.replace(SERVICE, instance_type=size).instance_type == size


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sample_without", ("a,b",)),
        ("sample_without", ("",)),
        ("sample_without", (" a",)),
        ("sample_without", ("a\nb",)),
        ("sample_without", ("$(AWS_SECRET_ACCESS_KEY)",)),
        ("sample_without", ("${{azureml://connections/other/credentials/KEY}}",)),
        ("samples", "samples"),
        ("samples", "file:///tmp"),
        ("samples", "s3://lake/$(AWS_SECRET_ACCESS_KEY)"),
        ("samples", "s3://lake/a b"),
    ],
)
def test_samples_that_no_server_could_keep_are_named(key: str, value: object) -> None:
    with pytest.raises(Problems) as caught:
        dataclasses.replace(SERVICE, sample=0.5, **{key: value})  # type: ignore[arg-type]  # wrong on purpose
    assert [one.path for one in caught.value.errors] == [f"service.{key}"]


def test_samples_are_options_of_the_container_and_variables_of_azures() -> None:
    sampled = dataclasses.replace(
        SERVICE, sample=0.01, sample_without=("hours per week", "sex"), samples="s3://lake/samples"
    )
    words = ["--sample", "0.01", "--sample-without", "hours per week,sex", "--samples", "s3://lake/samples"]
    for to, kind in (("kubectl", "deployment.yaml"), ("kubeflow", "inferenceservice.yaml")):
        documents = {document.path: document.text for document in find_target(to).render_service(sampled)}
        spec = yaml.safe_load(documents[kind])["spec"]
        pod = spec["template"]["spec"] if to == "kubectl" else spec["predictor"]
        assert pod["containers"][0]["args"][-6:] == words
    documents = {document.path: document.text for document in find_target("azureml").render_service(sampled)}
    variables = yaml.safe_load(documents["deployment.yaml"])["environment_variables"]
    assert {name: value for name, value in variables.items() if name.startswith("SEATRIAL_SERVE_SAMPLE")} == {
        "SEATRIAL_SERVE_SAMPLE": "0.01",
        "SEATRIAL_SERVE_SAMPLE_WITHOUT": "hours per week,sex",
        "SEATRIAL_SERVE_SAMPLES": "s3://lake/samples",
    }


def test_the_guard_is_an_option_of_the_container_and_a_variable_of_azures() -> None:
    guarded = dataclasses.replace(SERVICE, guard=True)
    assert workload.serve_arguments(guarded, "/etc")[-1] == "--guard"
    documents = {document.path: document.text for document in find_target("azureml").render_service(guarded)}
    assert yaml.safe_load(documents["deployment.yaml"])["environment_variables"]["SEATRIAL_SERVE_GUARD"] == "true"
    assert guarded.digest != SERVICE.digest


def test_a_service_that_uses_no_later_setting_keeps_its_digest() -> None:
    assert SERVICE.digest == "3e934cb3cc95927a8239174d40485361d1498aec0e6135b8532e4d069c4e38d2"


def test_a_namespace_that_leaves_no_room_in_the_host_name_of_kserve_is_refused() -> None:
    with pytest.raises(InputError, match="host name") as caught:
        find_target("kubeflow").render_service(dataclasses.replace(SERVICE, namespace="n" * 40))
    assert caught.value.path == "service.namespace"
