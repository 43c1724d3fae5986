"""The seam between a release and the place that serves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.deploy.service import ServiceSettings


@dataclass(frozen=True, slots=True)
class Document:
    """One file that a target is sent: `path` within the rendered folder, and its exact text."""

    path: str
    text: str


class Target(Protocol):
    """Renders documents from values, and sends exactly what was rendered."""

    name: str

    def render_service(self, service: ServiceSettings) -> tuple[Document, ...]:
        """The documents of the service; pure. `InputError` names a setting that this target cannot have."""
        ...

    def apply(self, documents: Sequence[Document]) -> str:
        """Sends these documents, to the byte, and returns the target's words; `Refused` when it will not have them."""
        ...
