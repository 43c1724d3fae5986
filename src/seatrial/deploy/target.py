"""The seam between what is made here and the place where it runs: the service of a release, and a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import InputError

if TYPE_CHECKING:
    from seatrial.pipeline.driver.pipeline_run import PipelineRun


@dataclass(frozen=True, slots=True)
class Document:
    """One file that a target is sent: `path` within the rendered folder, and its exact text."""

    path: str
    text: str


class Target(Protocol):
    """Renders documents from values, and sends exactly what was rendered."""

    name: str
    sends: bool  # whether `apply` sends, or only says how somebody else does
    kustomizes: bool  # whether its documents of a service are Kubernetes objects, so that a folder of them is a base

    def render_service(self, service: ServiceSettings) -> tuple[Document, ...]:
        """The documents of the service; pure. `InputError` names a setting that this target cannot have."""
        ...

    def render_pipeline(self, pipeline: PipelineRun) -> tuple[Document, ...]:
        """The documents of a run; pure. The first is what `run` sends, to the byte; the others are sent by its driver.

        `InputError` where it cannot run there.
        """
        ...

    def next_step(self, service: ServiceSettings, *, folder: str | None) -> str:
        """The command that comes next: when the documents were written into `folder`, or, without one, sent."""
        ...

    def apply(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        """Sends these documents of the service, to the byte, and returns the target's words.

        `Refused` when it will not have them.
        """
        ...

    def difference(self, service: ServiceSettings, documents: Sequence[Document]) -> str:
        """What sending them would change, as a unified diff; empty where nothing would.

        `InputError` where that cannot be said.
        """
        ...

    def deployment_of(self, name: str, namespace: str) -> str | None:
        """The Kubernetes Deployment whose pods serve releases of that name; None where there is none to be followed."""
        ...


def write_documents(documents: Sequence[Document], folder: Path) -> None:
    """Writes each document to its path within `folder`, in place of what is there."""
    try:
        for document in documents:
            path = folder / document.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(document.text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror}.",
            path=str(error.filename or folder),
            hint="Choose another --output.",
        ) from None
