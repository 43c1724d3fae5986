"""The seam between a step and what runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from seatrial.errors import SeatrialError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Place = Literal["child", "run"]  # a process of its own, or the process of the run
StoreNeed = Literal["any", "s3"]


class Session(Protocol):
    """The Spark session that the steps of a run share."""

    log: Path | None  # of Spark and the JVM; None where it goes with what the step prints

    def get(self) -> SparkSession:
        """The session, made when the first step asks for it."""
        ...


class Engine(Protocol):
    """One kind of step: what its functions get, where they run, which store they need, and how a failure reads."""

    kind: str
    place: Place
    store: StoreNeed
    instead_of_workers: str | None  # where several processes cannot call a step's function together: what to do
    arguments: frozenset[str]  # what its functions get beside their inputs

    def call(
        self,
        function: Callable[..., Any],
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        session: Session,
    ) -> object:
        """What the step's function returns for these inputs and parameters; raises what it raises."""
        ...

    def explain(self, error: Exception | SystemExit, *, step: str, directory: Path, session: Session) -> SeatrialError:
        """What a person needs of what `call` raised: the cause, and the line of the project in `directory`.

        An error of Seatrial's own is returned as it is.
        """
        ...
