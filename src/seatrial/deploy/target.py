"""The seam between a release and the place that serves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Document:
    """One file that a target is sent: `path` within the rendered folder, and its exact text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How the service of a release is to run. Both references are pinned by digest."""

    release: str  # "census@2"
    release_digest: str  # sha256 of release.json
    model_digest: str
    image: str  # registry.example/census@sha256:…
    store_url: str
    endpoint: str | None
    namespace: str = "default"
    replicas: int = 2
    cpu: str = "500m"
    memory: str = "512Mi"


class Target(Protocol):
    """Renders documents from values, and sends exactly what was rendered."""

    name: str

    def render_service(self, service: ServiceSettings) -> tuple[Document, ...]:
        """The documents of the service; pure."""
        ...

    def apply(self, documents: Sequence[Document]) -> None:
        """Sends these documents, to the byte; `Refused` with the target's own words when it will not have them."""
        ...
