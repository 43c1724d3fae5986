"""How the service of a release is to run: values that were checked once, when they were put together."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields

from seatrial.cluster.dns_names import is_dns_label
from seatrial.cluster.quantities import quantity_mistake
from seatrial.cluster.scale import Scale, scale_mistake
from seatrial.deploy.azureml.vm_sizes import vm_size_mistake
from seatrial.errors import InputError, Problems
from seatrial.stores.documents import sha256, to_json

_DIGEST = re.compile(r"[0-9a-f]{64}")
PINNED_IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/\S*)?")
_EXPANDED = ("$(", "${{")  # what Kubernetes and Azure ML replace, by a secret if it is asked for one
_SECRET = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What is served and how: values only, every reference pinned by digest, no secret among them.

    Raises `Problems` with every setting that no target could have.
    """

    name: str  # of the release: "census"
    version: int
    release_digest: str  # sha256 of release.json, 64 hex digits
    model_digest: str
    verdict: str  # "pass" | "fail" | "inconclusive"; what is not a pass is here by a waiver
    image: str  # registry.example/census@sha256:…
    store_url: str  # s3://bucket/prefix
    trust: str  # the deployer's trust.toml: public keys and accepted policies
    endpoint: str | None = None  # https://minio.data:9000; None: the provider's own
    region: str = "us-east-1"
    certificates: str | None = None  # PEM, of the store's private authority
    waived_until: str | None = None  # RFC 3339, the earliest end of the waivers it rests on
    namespace: str = DEFAULT_NAMESPACE
    context: str | None = None  # of the kubeconfig, and in no document; None: the current one
    replicas: int = 2
    scale: Scale | None = None  # in place of `replicas`, which the cluster then decides
    cpu: str = "500m"
    memory: str = "512Mi"
    secret: str | None = "seatrial-store"  # noqa: S105 — a Secret's name; None: the pod's identity opens the store
    callers: tuple[str, ...] = ()  # namespaces that may call it, beside its own
    instance_type: str = "Standard_F2s_v2"  # Azure ML only, in place of cpu and memory
    guard: bool = False  # serve --guard
    sample: float | None = None  # which share of rows and answers is kept
    sample_without: tuple[str, ...] = ()  # inputs that are never kept
    samples: str | None = None  # s3://bucket/prefix, opened as the store is; None: samples/ of the store

    def __post_init__(self) -> None:
        if problems := [InputError(problem, path=key, hint=hint) for key, problem, hint in _problems(self)]:
            raise Problems(problems)

    @property
    def digest(self) -> str:
        """Of all that the pods are made of: another one means other pods."""
        others = {"context", "replicas", "scale", "callers"}
        made_of = {key: value for key, value in asdict(self).items() if key not in others}
        # What came later and is not used leaves the digest as it was.
        unused = {key for key in _LATER if made_of[key] == _DEFAULTS[key]}
        return sha256(to_json({key: value for key, value in made_of.items() if key not in unused}))

    @property
    def least_pods(self) -> int:
        """As many pods as it has at any time."""
        return self.replicas if self.scale is None else self.scale.min

    @property
    def kubectl(self) -> str:
        """How a command for a person begins, so that it reaches this cluster and namespace."""
        context = "" if self.context is None else f" --context={shlex.quote(self.context)}"
        return f"kubectl{context} --namespace {self.namespace}"

    @property
    def release(self) -> str:
        """The reference that people use: "census@2"."""
        return f"{self.name}@{self.version}"


_LATER = ("guard", "sample", "sample_without", "samples")
_DEFAULTS = {item.name: item.default for item in fields(ServiceSettings)}


def _problems(service: ServiceSettings) -> Iterator[tuple[str, str, str]]:
    """Each setting that is wrong: its key, the problem, the hint."""
    for key, digest in (("release digest", service.release_digest), ("model digest", service.model_digest)):
        if not _DIGEST.fullmatch(digest):
            yield key, f"the digest must be a sha256 of 64 hex digits, got {digest!r}.", "Give 64 hex digits."
    if not PINNED_IMAGE.fullmatch(service.image):
        yield (
            "image",
            f"{service.image!r} is not pinned by its digest.",
            'Write "NAME@sha256:…", as `podman image inspect --format {{.Digest}}` or your registry shows it.',
        )
    if not _BUCKET.fullmatch(service.store_url):
        yield "store.url", f"{service.store_url!r} is not reached from a cluster.", 'Write "s3://bucket/prefix".'
    if service.endpoint is not None and not re.fullmatch(r"https?://[^\s/@]+/?", service.endpoint):
        yield (
            "store.endpoint",
            f"{service.endpoint!r} is not an http:// or https:// address.",
            'Write "https://host:port".',
        )
    for key, namespace in [
        ("service.namespace", service.namespace),
        *(("service.callers", c) for c in service.callers),
    ]:
        if not is_dns_label(namespace):
            yield key, f"{namespace!r} is not a valid namespace.", "Use a-z, 0-9 and -, at most 63 characters."
    if service.replicas < 1:
        yield "service.replicas", f"replicas must be at least 1, got {service.replicas}.", "Give at least 1."
    if service.scale is not None and (wrong_scale := scale_mistake(service.scale)) is not None:
        key, problem, hint = wrong_scale
        yield f"service.scale.{key}", problem, hint
    for cpu, memory in ((service.cpu, None), (None, service.memory)):
        if (mistake := quantity_mistake(cpu, memory)) is not None:
            key, problem, hint = mistake
            yield f"service.{key}", problem, hint
    if service.secret is not None and not (_SECRET.fullmatch(service.secret) and len(service.secret) <= 63):
        yield (
            "service.secret",
            "the value is not a valid name of a Secret.",
            "Give the Secret's name, never its content.",
        )
    yield from _sample_problems(service)
    if (wrong_size := vm_size_mistake(service.instance_type)) is not None:
        problem, hint = wrong_size
        yield "service.instance_type", f"instance_type {problem}", hint


def _sample_problems(service: ServiceSettings) -> Iterator[tuple[str, str, str]]:
    if service.sample is None:
        for key, value in (("sample_without", service.sample_without), ("samples", service.samples)):
            if value:
                yield f"service.{key}", "the service keeps no samples.", "Say which share of rows: sample = 0.01."
    elif not 0 < service.sample <= 1:
        yield "service.sample", f"sample must be above 0 and at most 1, got {service.sample:g}.", "Write sample = 0.01."
    for name in service.sample_without:
        if not name.strip() or name != name.strip() or not name.isprintable() or "," in name:
            yield (
                "service.sample_without",
                f"{name!r} cannot be named to a server.",
                'Give the names of inputs, without commas: ["age", "sex"].',
            )
        elif any(expanded in name for expanded in _EXPANDED):
            yield "service.sample_without", f"{name!r} would be replaced where it runs.", "Rename the column."
    if service.samples is not None and (
        not _BUCKET.fullmatch(service.samples) or any(expanded in service.samples for expanded in _EXPANDED)
    ):
        yield "service.samples", f"{service.samples!r} is not reached from a cluster.", 'Write "s3://bucket/prefix".'
