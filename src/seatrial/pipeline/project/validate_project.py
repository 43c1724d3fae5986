"""What `seatrial.toml` says in the right form and cannot mean: each as the keys it stands at, the problem, the hint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from seatrial.cluster.dns_names import is_dns_label
from seatrial.cluster.node_choice import toleration_mistake
from seatrial.cluster.quantities import quantity_mistake
from seatrial.errors import SeatrialError, did_you_mean
from seatrial.pipeline.project.azureml_profile import azureml_mistake
from seatrial.pipeline.project.cluster_profile import override
from seatrial.pipeline.project.locations import is_model_file
from seatrial.pipeline.project.settings import (
    DataSettings,
    KubeflowChoice,
    ModelSettings,
    ProfileSettings,
    Project,
    StoreChoice,
)
from seatrial.pipeline.steps.declaration import DEFAULTS, resources_mistake
from seatrial.prepare.executor_pods import executors_mistake
from seatrial.sources.kafka.settings import IngestSettings, kafka_mistake
from seatrial.stores.store_url import shown_url
from seatrial.stores.toml_positions import Place
from seatrial.verdicts.policy import Policy

LEGAL_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")  # also a bucket prefix, an Iceberg namespace, a DNS label
CREDENTIALS = ("access_key", "secret_key", "session_token")
PASSWORD = re.compile(r"[\w+.-]+://[^/?@]*:[^?]*@|[?&]password=")
CLUSTER_NAMES = (
    "namespace",
    "secret",
    "service_account",
    "signing_secret",
    "release_service_account",
    "spark_service_account",
    "driver_service_account",
)
NAMED_REFERENCES = ("newest_passed", "baseline", "one-column rule")
_RELEASE = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]@[1-9][0-9]{0,8}")

Mistake = tuple[Place, str, str | None]


def validate_project(project: Project) -> Iterator[Mistake]:
    """Every mistake in a project whose file has the right form."""
    if not LEGAL_NAME.fullmatch(project.name):
        yield (
            ("project", "name"),
            f"a name must be 2 to 40 of a-z, 0-9 and -, got {project.name!r}.",
            "Begin it with a letter, and end it with a letter or digit.",
        )
    for name, profile in project.profiles.items():
        yield from profile_mistakes(name, profile)
    if project.data is not None:
        yield from data_mistakes(project.data)
        yield from bins_mistakes(project.data.groups, project.policy)
    if project.model_settings is not None:
        yield from model_mistakes(project.model_settings)
    yield from reference_mistakes(project.policy)
    yield from ingest_mistakes(project.ingest)


def profile_mistakes(name: str, profile: ProfileSettings) -> Iterator[Mistake]:
    """Of `[profile.NAME]`: a store nobody can open, a secret in the file."""
    for place, store in (("store", profile.store), ("test_uses", profile.test_uses)):
        if store is not None and (wrong := store_mistake(store)) is not None:
            key, problem, hint = wrong
            yield ("profile", name, place, key), problem, hint
    for bucket, choice in profile.buckets.items():
        if any(mark in bucket for mark in "/:@?#") or not bucket:
            yield (
                ("profile", name, "buckets", bucket),
                f'a bucket\'s name must not be empty or hold "/", ":", "@", "?" or "#", got "{shown_url(bucket)}".',
                f'Write [profile.{name}.buckets] lake = {{ endpoint = "https://host:port" }}.',
            )
        elif (wrong := store_mistake(choice.store(bucket))) is not None:
            key, problem, hint = wrong
            yield ("profile", name, "buckets", bucket, key), problem, hint
    yield from cluster_mistakes(name, profile)
    if profile.kubeflow is not None and (wrong := kubeflow_mistake(profile.kubeflow)) is not None:
        key, problem, hint = wrong
        yield ("profile", name, "kubeflow", key), problem, hint
    if profile.azureml is not None and (wrong := azureml_mistake(profile.azureml)) is not None:
        key, problem, hint = wrong
        yield ("profile", name, "azureml", key), problem, hint
    if profile.kafka is not None and (wrong := kafka_mistake(profile.kafka)) is not None:
        key, problem, hint = wrong
        yield ("profile", name, "kafka", key), problem, hint
    for where, key, tolerations in (
        ("cluster", "tolerations", () if profile.cluster is None else profile.cluster.tolerations),
        ("spark", "executor_tolerations", profile.spark.executor_tolerations),
    ):
        if (wrong_taint := toleration_mistake(tolerations)) is not None:
            yield ("profile", name, where, key), *wrong_taint
    if (mistake := executors_mistake(profile.spark)) is not None:
        spark_key, problem, hint = mistake
        yield ("profile", name, "spark", spark_key), problem, hint
    if profile.catalog is not None and PASSWORD.search(profile.catalog):
        yield (
            ("profile", name, "catalog"),
            "the address contains a password.",
            'Write "env:NAME", with the address there.',
        )


def cluster_mistakes(name: str, profile: ProfileSettings) -> Iterator[Mistake]:
    """Of `[profile.NAME]`: names and amounts that Kubernetes refuses."""
    if profile.cluster is not None:
        for key in CLUSTER_NAMES:
            object_name = getattr(profile.cluster, key)
            if object_name is not None and not is_dns_label(object_name):
                yield (
                    ("profile", name, "cluster", key),
                    f'a name must be 1 to 63 of a-z, 0-9 and -, got "{object_name}".',
                    "Begin it with a letter, and give the object's name, never its content.",
                )
        if (wrong := quantity_mistake(None, profile.cluster.driver_memory)) is not None:
            yield ("profile", name, "cluster", "driver_memory"), *wrong[1:]
    if profile.service.replicas is not None and profile.service.scale is not None:
        yield (
            ("profile", name, "service", "replicas"),
            "replicas and scale must not both be given.",
            "Keep one: replicas for a number that stays, scale for an autoscaler.",
        )
    for step, choice in profile.steps.items():
        if (mistake := resources_mistake(override(DEFAULTS, choice))) is not None:
            key, problem, hint = mistake
            yield ("profile", name, "steps", step, key), problem, hint.replace("=", " = ")


def kubeflow_mistake(kubeflow: KubeflowChoice) -> tuple[str, str, str] | None:
    """The key that is wrong, how, and the hint."""
    endpoint = kubeflow.endpoint
    if endpoint is not None and (not endpoint.startswith(("http://", "https://")) or any(m in endpoint for m in "@?#")):
        return "endpoint", "an endpoint must be an http or https address alone.", 'Write "https://host:port".'
    if kubeflow.token is not None and not kubeflow.token.startswith(("env:", "file:")):
        return "token", "a secret stands in it.", 'Write a reference: "env:NAME" or "file:PATH".'
    if kubeflow.ca is not None and not kubeflow.ca.startswith("file:"):
        return "ca", "the certificates must be a file.", 'Write "file:ca.pem", a file of certificates in PEM form.'
    for key in ("namespace", "service_account"):
        object_name = getattr(kubeflow, key)
        if object_name is not None and not is_dns_label(object_name):
            return key, f'a name must be 1 to 63 of a-z, 0-9 and -, got "{object_name}".', "Begin it with a letter."
    return None


def data_mistakes(data: DataSettings) -> Iterator[Mistake]:
    """Of `[data]`: settings that belong to another task, or have no such value."""
    if data.positive is not None and data.task != "binary":
        yield (
            ("data", "positive"),
            f"a positive class belongs to a binary model; this one is a {data.task} model.",
            "Leave it out.",
        )
    for key, value in (("clip", data.clip), ("quantile", data.quantile)):
        if value is not None and data.task != "regression":
            yield ("data", key), f"belongs to regressions; this task is {data.task}.", "Leave it out."
    if data.clip is not None and not data.clip > 0:
        yield (
            ("data", "clip"),
            f"{data.clip:g} is not positive.",
            "Write the largest error that counts, in the label's unit.",
        )
    if data.quantile is not None and not 0 < data.quantile < 1:
        yield ("data", "quantile"), f"{data.quantile:g} is not between 0 and 1.", "Write 0.9 for the 90 % quantile."


def bins_mistakes(groups: Sequence[str], policy: Policy) -> Iterator[Mistake]:
    """Of `[data]` beside the policy: bins of a group column that a requirement rests on, but not the policy's."""
    if not any(":" in spec for spec in groups):
        return
    from seatrial.assessors.contingency.group_specs import parse_groups
    from seatrial.assessors.policy_settings import groups_of_policy

    try:
        specs = parse_groups(groups)
    except SeatrialError:  # told where the groups are read
        return
    try:
        groups_of_policy(policy, specs)
    except SeatrialError as error:
        yield from ((("data", "groups"), problem.problem, problem.hint) for problem in error.each)


def model_mistakes(model: ModelSettings) -> Iterator[Mistake]:
    """Of `[model]`: what only a file needs to be told, where a step makes the model."""
    if not is_model_file(model.from_):
        for key, value in (("inputs", model.inputs), ("classes", model.classes), ("threshold", model.threshold)):
            if value not in ((), None):
                yield ("model", key), f"belongs to a model file; step {model.from_!r} says it itself.", "Leave it out."
    if model.threshold is not None and not 0 <= model.threshold <= 1:
        yield ("model", "threshold"), f"must be between 0 and 1, got {model.threshold:g}.", "Write 0.5."


def group_names(groups: Sequence[str]) -> tuple[tuple[str, ...], tuple[Mistake, ...]]:
    """What policies call the groups that are written so, and the mistakes in them."""
    from seatrial.assessors.contingency.group_specs import parse_groups

    try:
        return tuple(spec.name for spec in parse_groups(groups)), ()
    except SeatrialError as error:
        mistakes = tuple((("data", "groups"), problem.problem, problem.hint) for problem in error.each)
        return tuple(groups), mistakes


def reference_mistakes(policy: Policy) -> Iterator[Mistake]:
    """Of the policy: models to compare with that a release cannot name for good."""
    for index, requirement in enumerate(policy.require):
        reference = requirement.no_worse_than
        if reference is not None and reference not in NAMED_REFERENCES and not _RELEASE.fullmatch(reference):
            close = did_you_mean(reference, NAMED_REFERENCES)
            yield (
                ("policy", "require", index, "no_worse_than"),
                f"{reference!r} is not a release, or a model that the trial makes.",
                close or 'Write "newest_passed", "baseline", or a release: "name@2".',
            )


def ingest_mistakes(ingest: Mapping[str, IngestSettings]) -> Iterator[Mistake]:
    """Of `[ingest.TOPIC]`: types that records cannot have, and columns that are required and not declared."""
    if not ingest:
        return
    from seatrial.sources.kafka.columns import declared_schema, parse_type  # with pyarrow: not for every command

    for topic, settings in ingest.items():
        wrong = False
        for column, kind in settings.columns.items():
            try:
                parse_type(kind)
            except SeatrialError as error:
                wrong = True
                yield ("ingest", topic, "columns", column), error.problem, error.hint
        if not wrong:
            try:
                declared_schema(settings.columns, settings.required)
            except SeatrialError as error:
                key = "required" if error.problem.endswith("in required.") else "columns"
                yield ("ingest", topic, key), error.problem, error.hint


def store_mistake(store: StoreChoice) -> tuple[str, str, str | None] | None:
    """The key that is wrong, how, and the hint."""
    if store.endpoint is not None and "://" not in store.endpoint:
        return "endpoint", f'endpoint "{store.endpoint}" lacks a scheme.', f'Write "http://{store.endpoint}".'
    if store.endpoint is not None and PASSWORD.search(store.endpoint):
        return "endpoint", "the address contains a password.", 'Write the reference to it under "credentials".'
    if not store.url.startswith(("s3://", "file:")):
        return (
            "url",
            f'a store must be at s3:// or file:, got "{shown_url(store.url)}".',
            'Write "s3://bucket/prefix" or "file:folder".',
        )
    if store.url.startswith("s3://") and any(mark in store.url for mark in "@?#"):
        return (
            "url",
            "an s3:// address must have a bucket and a prefix, and nothing else.",
            'Write "s3://bucket/prefix".',
        )
    if store.endpoint is not None and any(mark in store.endpoint for mark in "@?#"):
        return "endpoint", "an endpoint must be an address alone.", 'Write "https://host:port".'
    if store.proxy is not None and (mistake := _proxy_mistake(store.proxy)) is not None:
        return "proxy", *mistake
    if store.ca is not None and not store.ca.startswith("file:"):
        return "ca", "the certificates must be a file.", 'Write "file:ca.pem", a file of certificates in PEM form.'
    credentials = store.credentials if isinstance(store.credentials, Mapping) else {}
    if unknown := next((half for half in credentials if half not in CREDENTIALS), None):
        hint = did_you_mean(unknown, CREDENTIALS) or f"There is: {', '.join(CREDENTIALS)}."
        return "credentials", f"unknown key {unknown}.", hint
    if isinstance(store.credentials, str) and store.credentials not in ("env", "none"):
        return (
            "credentials",
            "credentials must be a reference.",
            'Write "env", "none", or { access_key = "env:NAME", secret_key = "env:NAME" }.',
        )
    if any(not reference.startswith(("env:", "file:")) for reference in credentials.values()):
        return "credentials", "a secret stands in it.", 'Write a reference: "env:NAME" or "file:PATH".'
    return None


def _proxy_mistake(proxy: str) -> tuple[str, str] | None:
    if proxy == "none" or proxy.startswith(("env:", "file:")):
        return None
    if "@" in proxy:
        return "the address contains a user.", 'Write "env:NAME", with the whole address there.'
    if not proxy.startswith(("http://", "https://")):
        return "a proxy must be an http or https address.", 'Write "http://host:port", "env:NAME" or "none".'
    return None
