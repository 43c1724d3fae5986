"""What a profile must say before anything of it runs on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from seatrial.errors import InputError, Problems
from seatrial.pipeline.engines import ENGINES
from seatrial.pipeline.project.settings import BucketChoice, ProfileSettings, ResourceChoice, StoreChoice
from seatrial.pipeline.steps.declaration import Resources, Step

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")  # noqa: S104 — compared with, not bound to


Lack = tuple[str, str, str]  # the key, the problem, the hint


def require_cluster_profile(name: str, profile: ProfileSettings, *, path: str, runs: bool = False) -> None:
    """Raises `Problems` with each key that a cluster needs and this profile lacks; `runs` a pipeline, else a service.

    `path` is the project file that errors name.
    """
    lacks = [*store_and_image(profile)]
    if runs:
        lacks += [*_cluster(profile), *shared_by_machines(profile, "cluster.secret")]
    raise_lacks(name, lacks, path=path)


def raise_lacks(name: str, lacks: Sequence[Lack], *, path: str) -> None:
    """Raises `Problems` with what the profile of that name lacks, if anything."""
    if lacks:
        raise Problems(
            [InputError(f"[profile.{name}] {key}: {what}", path=path, hint=hint) for key, what, hint in lacks]
        )


def store_and_image(profile: ProfileSettings) -> Iterator[Lack]:
    """What every other machine needs: a store that it reaches, and an image that stays what it is."""
    if profile.store is None:
        yield (
            "store",
            "a cluster needs a store of its own: it does not reach the embedded one.",
            'Write store = { url = "s3://bucket/prefix", endpoint = "https://…", credentials = "env" }.',
        )
    elif profile.store.url.startswith("file:"):
        yield "store", f'a cluster does not reach "{profile.store.url}".', 'Name one at "s3://bucket/prefix".'
    elif profile.store.endpoint is not None and _is_local(profile.store.endpoint):
        yield "store", f'"{profile.store.endpoint}" is this machine only.', "Name the address that the cluster knows."
    if profile.image is None:
        yield (
            "image",
            "a cluster needs an image to run.",
            'Write image = "registry/name@sha256:…", pinned by its digest.',
        )
    elif "@sha256:" not in profile.image:
        yield "image", f'"{profile.image}" can change its content.', 'Pin it: "NAME@sha256:…".'


def shared_by_machines(profile: ProfileSettings, secrets: str) -> Iterator[Lack]:
    """What the steps of one run share: a catalog; and secrets, by the key of the profile that says where they are."""
    if profile.catalog is None or profile.catalog.startswith("sqlite:"):
        yield (
            "catalog",
            "a cluster needs one that several machines share, and SQLite's is a file of this one.",
            'Write catalog = "env:NAME", with postgresql://… there.',
        )
    what = "the Secret" if secrets == "cluster.secret" else "the key vault"
    for key in _files_of_this_machine(profile):
        yield (
            key,
            "pods do not see a file of this machine.",
            f'Put what it holds into {what} that {secrets} names, and write "env:NAME".',
        )


def _cluster(profile: ProfileSettings) -> Iterator[Lack]:
    if profile.cluster is None:
        yield "cluster", "it must say where the steps run.", 'Write cluster = { context = "…", namespace = "…" }.'
    elif profile.spark.executors_are_pods and profile.cluster.spark_service_account is None:
        yield (
            "cluster.spark_service_account",
            "executors are pods that a Spark step makes, and its account must have that right.",
            "Make one with the Role of the how-to guide, and name it; or leave out spark.executors.",
        )


def is_driven_there(profile: ProfileSettings) -> bool:
    """Whether a run under `--on kubectl` is driven by a Job of the cluster; else this process drives it."""
    return profile.cluster is not None and profile.cluster.driver_service_account is not None


def drives_executors(step: Step, profile: ProfileSettings) -> bool:
    """Whether the step's pod makes pods of its own, for Spark."""
    return "spark" in ENGINES[step.kind].arguments and profile.spark.executors_are_pods


def any_workers(steps: Iterable[Step], profile: ProfileSettings) -> bool:
    """Whether one of the steps has several workers there."""
    return any(resources_of(step, profile).workers > 1 for step in steps)


def resources_of(step: Step, profile: ProfileSettings) -> Resources:
    """What the step declares, with what the profile says of it on top."""
    return override(step.resources, profile.steps.get(step.name))


def override(resources: Resources, choice: ResourceChoice | None) -> Resources:
    """The resources with what a profile says of the step on top."""
    settings = {} if choice is None else {key: value for key, value in asdict(choice).items() if value is not None}
    return replace(resources, **settings)


def _files_of_this_machine(profile: ProfileSettings) -> Iterator[str]:
    """The keys whose value is in a file; the store's `ca` is none of them, as it travels along."""
    choices: dict[str, StoreChoice | BucketChoice | None] = {"store": profile.store, "test_uses": profile.test_uses}
    choices |= {f"buckets.{name}": bucket for name, bucket in profile.buckets.items()}
    for key, choice in choices.items():
        if choice is None:
            continue
        references = {"proxy": choice.proxy, "ca": None if key == "store" else choice.ca}
        if isinstance(choice.credentials, Mapping):
            references |= {f"credentials.{part}": value for part, value in choice.credentials.items()}
        for part, value in references.items():
            if value is not None and value.startswith("file:"):
                yield f"{key}.{part}"
    if profile.catalog is not None and profile.catalog.startswith("file:"):
        yield "catalog"


def _is_local(endpoint: str) -> bool:
    host = endpoint.partition("://")[2].partition("/")[0]
    return host in LOCAL_HOSTS or host.rpartition(":")[0] in LOCAL_HOSTS
