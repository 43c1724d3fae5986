"""What every target owes: one suite, and targets that are wrong on purpose, which it must catch."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

import pytest
import yaml

from seatrial.cluster.dns_names import is_dns_label
from seatrial.deploy import find_target
from seatrial.deploy.find_target import BUILT_IN
from seatrial.deploy.service_settings import ServiceSettings
from seatrial.deploy.target import Document, Target
from seatrial.errors import InputError
from seatrial.pipeline.driver.pipeline_run import PipelineRun
from tests.azureml_sample import ON_AZURE, SCHEDULED_ON_AZURE
from tests.deploy_sample import SERVICE
from tests.pipeline_sample import DRIVEN, SCHEDULED, TASKED, TASKS_SCHEDULED

CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
PINNED = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def check_conformance(subject: Target) -> None:
    """Raises AssertionError, with what is wrong, unless `subject` is a target as it should be."""
    documents = subject.render_service(SERVICE)
    assert documents == subject.render_service(SERVICE), "rendering the same settings again gives other documents"
    paths = [PurePosixPath(document.path) for document in documents]
    assert len(set(paths)) == len(paths), "two documents have one path"
    assert not any(path.is_absolute() or ".." in path.parts for path in paths), "a document leaves its folder"
    manifests = [yaml.safe_load(one.text) for one in documents if one.path.endswith(".yaml")]
    assert manifests, "there is no manifest"
    assert all(isinstance(manifest, dict) for manifest in manifests), "a manifest is no mapping"

    images = list(_parts(manifests, "image"))
    assert images, "no image is named"
    assert set(images) == {SERVICE.image}, "another image than the one that was asked for"
    assert all(PINNED.fullmatch(str(image)) for image in images), "an image is not pinned by its digest"

    run = [
        word
        for key in ("args", "environment_variables")
        for text in _texts(list(_parts(manifests, key)))
        for word in text.split()
    ]
    assert "census@2" in run, "the release is not named with its version"
    assert f"sha256:{SERVICE.release_digest}" in run, "the release is not pinned by its digest"
    asked = set(_parts(manifests, "path"))
    assert "/v2/health/live" in asked, "nobody asks whether it lives"
    assert "/v2/health/ready" in asked, "nobody asks whether it is ready"
    for one in (manifest.get("metadata", manifest) for manifest in manifests):
        noted = {**one.get("tags", {}), **one.get("annotations", {})}
        facts = {key.removeprefix("seatrial/"): value for key, value in noted.items()}
        assert facts["release-digest"] == f"sha256:{SERVICE.release_digest}", "a document does not say what it is for"
        assert facts["model-digest"] == f"sha256:{SERVICE.model_digest}"
        assert (facts["release"], facts["verdict"]) == ("census@2", SERVICE.verdict)
        assert is_dns_label(one["name"]), "a name that Kubernetes or Azure would refuse"

    assert not any(manifest.get("kind") == "Secret" for manifest in manifests), "credentials travel with the documents"
    credentials = list(_credentials(manifests))
    assert {name for name, _ in credentials} == CREDENTIALS, "the store cannot be opened"
    assert all(_is_reference(value) for _, value in credentials), "a credential is there by value"

    changed = dataclasses.replace(SERVICE, release_digest="d" * 64)
    assert documents != subject.render_service(changed), "another release gives the same documents"
    assert any("minio.data:9000" in one.text for one in documents), "the store's address is lost"
    assert any(all(line in one.text for line in SERVICE.trust.splitlines()) for one in documents), (
        "the deployer's trust is lost"
    )


def _walk(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key), item
            yield from _walk(item)
    elif isinstance(value, list):
        for item in value:
            yield "", item
            yield from _walk(item)


def _parts(manifests: Sequence[object], key: str) -> Iterator[object]:
    return (value for name, value in _walk(list(manifests)) if name == key)


def _texts(manifests: Sequence[object]) -> Iterator[str]:
    return (value for _, value in _walk(list(manifests)) if isinstance(value, str))


def _credentials(manifests: Sequence[object]) -> Iterator[tuple[str, object]]:
    for key, value in _walk(list(manifests)):
        if key in CREDENTIALS:
            yield key, value
        elif isinstance(value, dict) and value.get("name") in CREDENTIALS:
            yield str(value["name"]), {name: item for name, item in value.items() if name != "name"}


def _is_reference(value: object) -> bool:
    if isinstance(value, dict):
        return set(value) == {"valueFrom"} and set(value["valueFrom"]) == {"secretKeyRef"}
    return isinstance(value, str) and re.fullmatch(r"\$\{\{azureml://connections/\S+\}\}", value) is not None


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_target_does_what_a_target_owes(name: str) -> None:
    subject = find_target(name)
    assert subject.name == name
    check_conformance(subject)


def test_objects_of_two_targets_in_one_namespace_leave_each_other_alone() -> None:
    rendered = {
        name: [yaml.safe_load(one.text) for one in find_target(name).render_service(SERVICE)]
        for name in ("kubectl", "kubeflow")
    }
    named = {
        name: {(one["kind"], one["metadata"]["name"]) for one in manifests} for name, manifests in rendered.items()
    }
    assert not named["kubectl"] & named["kubeflow"]
    labels = {name: [one["metadata"]["labels"] for one in manifests] for name, manifests in rendered.items()}
    for name, other in (("kubectl", "kubeflow"), ("kubeflow", "kubectl")):
        selectors = [
            selector.get("matchLabels", selector)
            for key in ("selector", "podSelector")
            for selector in _parts(rendered[name], key)
            if isinstance(selector, dict)
        ]
        assert selectors
        for selector in filter(None, selectors):  # an empty one means every pod of the namespace, as a caller
            assert any(selector.items() <= own.items() for own in labels[name])
            assert not any(selector.items() <= foreign.items() for foreign in labels[other])


def check_pipelines(subject: Target, run: PipelineRun = DRIVEN, scheduled: PipelineRun | None = SCHEDULED) -> None:
    """Raises AssertionError, with what is wrong, unless the target renders runs as it should."""
    documents = subject.render_pipeline(run)
    assert documents == subject.render_pipeline(run), "rendering the same run again gives other documents"
    assert len({document.path for document in documents}) == len(documents), "two documents have one path"
    manifests = [part for one in documents for part in yaml.safe_load_all(one.text)]
    assert run.driver is not None
    images = set(_parts(manifests, "image"))
    assert images == {run.driver.image}, "another image than the one that was asked for"
    assert all(PINNED.fullmatch(str(image)) for image in images), "an image is not pinned by its digest"
    calls = list(_calls(manifests))
    assert any(run.driver.code in words for words in calls), "the code is not pinned by its digest"
    steps = [*(step.remote.step for step in run.steps), *(task.step for task in run.tasks)]
    called = [words[words.index("step") + 1] for words in calls if "step" in words]
    assert sorted(called) == sorted(steps), "a step is lost, or called twice"
    assert not any(manifest.get("kind") == "Secret" for manifest in manifests), "credentials travel with the documents"
    assert all(_is_reference(value) for _, value in _credentials(manifests)), "a credential is there by value"
    if scheduled is None:
        return
    times = list(_texts([yaml.safe_load(subject.render_pipeline(scheduled)[0].text)]))
    assert any(str(scheduled.schedule) in text for text in times), "the times are lost"


def _calls(manifests: Sequence[object]) -> Iterator[list[str]]:
    """The words that each container is called with: a list of arguments, or a line for a shell."""
    for words in _parts(manifests, "args"):
        yield " ".join(_texts([words])).split()
    for line in _parts(manifests, "command"):
        yield line.split() if isinstance(line, str) else []


RUNS = {
    "kubectl": (DRIVEN, SCHEDULED),
    "kubeflow": (TASKED, None),
    "azureml": (ON_AZURE, SCHEDULED_ON_AZURE),
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_target_renders_runs_as_a_target_owes(name: str) -> None:
    check_pipelines(find_target(name), *RUNS[name])


def test_a_schedule_that_kubeflow_would_not_name_the_runs_of_is_refused() -> None:
    with pytest.raises(InputError, match="recurring runs of Kubeflow") as caught:
        find_target("kubeflow").render_pipeline(TASKS_SCHEDULED)
    assert "--on kubectl --schedule" in str(caught.value.hint)


class Wrong:
    """A target, kubectl without another, and one thing that goes wrong with its documents."""

    name = "wrong"
    sends = False
    kustomizes = False

    def __init__(self, spoil: Callable[[Document], Document], right: str = "kubectl") -> None:
        self._spoil, self._right = spoil, right

    def render_service(self, service: ServiceSettings) -> tuple[Document, ...]:
        return tuple(self._spoil(one) for one in find_target(self._right).render_service(service))

    def render_pipeline(self, pipeline: PipelineRun) -> tuple[Document, ...]:
        return tuple(self._spoil(one) for one in find_target(self._right).render_pipeline(pipeline))

    def next_step(self, service: ServiceSettings, *, folder: str | None) -> str:
        raise AssertionError("the suite only renders")

    def apply(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        raise AssertionError("the suite only renders")

    def difference(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        raise AssertionError("the suite only renders")

    def deployment_of(self, name: str, namespace: str) -> None:
        raise AssertionError("the suite only renders")


def replaced(old: str, new: str) -> Callable[[Document], Document]:
    def spoil(document: Document) -> Document:
        return Document(document.path, document.text.replace(old, new))

    return spoil


def inlined(document: Document) -> Document:
    reference = (
        "valueFrom:\n                secretKeyRef:\n                  name: seatrial-store\n"
        "                  key: AWS_SECRET_ACCESS_KEY"
    )
    assert document.path != "deployment.yaml" or reference in document.text
    return Document(document.path, document.text.replace(reference, 'value: "hunter2"'))


def counted() -> Callable[[Document], Document]:
    counter = itertools.count()
    return lambda document: Document(document.path, f"{document.text}# {next(counter)}\n")


def unmoved(document: Document) -> Document:
    text = document.text.replace("d" * 64, "51a7" * 16)
    return Document(document.path, re.sub(r"seatrial/settings: .*", "", text))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (counted(), "rendering the same settings again"),
        (lambda one: Document("all.yaml", one.text), "two documents have one path"),
        (lambda one: Document(f"../{one.path}", one.text), "leaves its folder"),
        (replaced(f"@sha256:{'1a9e' * 16}", ":latest"), "another image"),
        (replaced(f'- "sha256:{"51a7" * 16}"', "- newest"), "not pinned by its digest"),
        (replaced(f"sha256:{'51a7' * 16}", "newest"), "not pinned by its digest"),
        (replaced("census@2", "census"), "not named with its version"),
        (replaced("/v2/health/live", "/"), "nobody asks whether it lives"),
        (replaced("name: census\n", "name: Census_\n"), "would refuse"),
        (replaced(f'release-digest: "sha256:{"51a7" * 16}"', "release-digest: newest"), "does not say what it is for"),
        (inlined, "by value"),
        (replaced("AWS_SECRET_ACCESS_KEY", "SECRET"), "the store cannot be opened"),
        (unmoved, "another release gives the same documents"),
        (replaced("minio.data:9000", ""), "the store's address is lost"),
        (replaced("ed25519:0000", ""), "the deployer's trust is lost"),
    ],
)
def test_the_suite_catches_a_target_that_is_wrong(spoil: Callable[[Document], Document], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_conformance(Wrong(spoil))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (counted(), "rendering the same run again"),
        (lambda one: Document("all.yaml", one.text), "two documents have one path"),
        (replaced("@sha256:", ":latest-"), "another image"),
        (replaced("c" * 64, "newest"), "not pinned by its digest"),
        (replaced("- model\n", "- package\n"), "a step is lost"),
        (replaced("0 3 * * *", "0 4 * * *"), "the times are lost"),
    ],
)
def test_the_suite_catches_a_target_whose_pipelines_are_wrong(
    spoil: Callable[[Document], Document], complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_pipelines(Wrong(spoil))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (counted(), "rendering the same run again"),
        (lambda one: Document("all.yaml", one.text), "two documents have one path"),
        (replaced("@sha256:", ":latest-"), "another image"),
        (replaced("c" * 64, "newest"), "not pinned by its digest"),
        (replaced("step train_model", "step features"), "a step is lost, or called twice"),
        (replaced('PYTHONUNBUFFERED: "1"', "AWS_SECRET_ACCESS_KEY: hunter2"), "by value"),
        (replaced("0 3 * * mon-fri", "0 4 * * *"), "the times are lost"),
    ],
)
def test_the_suite_catches_a_pipeline_job_that_is_wrong(spoil: Callable[[Document], Document], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_pipelines(Wrong(spoil, "azureml"), *RUNS["azureml"])
