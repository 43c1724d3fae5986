"""Where a packaged model comes from: `provenance.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.stores.documents import LEFT_OUT_IF_NONE


@dataclass(frozen=True, slots=True)
class DataSnapshot:
    """A table that the training step read, under the name of its input."""

    name: str
    identifier: str  # "census.features_train"
    snapshot_id: int
    digest: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The file that a finished model was packaged from."""

    name: str  # without its folder
    sha256: str
    producer: str | None = None  # what the file says wrote it: "skl2onnx 1.20.0"


@dataclass(frozen=True, slots=True)
class Factory:
    """A function of the project's that makes the module anew, and what it is called with."""

    function: str  # "training:network"
    arguments: Mapping[str, bool | int | float | str]


@dataclass(frozen=True, slots=True)
class Provenance:
    """The step that trained, what it read and what it ran on. No times: the same inputs give the same package.

    Of a finished model only its `source` is known: `code`, `step_key` and `python` are None, the others empty.
    """

    code: str | None  # sha256 of the sources that the step reaches
    step_key: str | None
    parameters: Mapping[str, bool | int | float | str]
    data: tuple[DataSnapshot, ...]
    python: str | None  # "3.11.2"
    libraries: Mapping[str, str] = field(default_factory=dict)  # versions
    source: SourceFile | None = None
    factory: Factory | None = None
    # Least and greatest value of each number in the tables that the step read; `serve --guard` tells what lies beyond.
    ranges: Mapping[str, tuple[float, float]] | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
    format: int = 1
