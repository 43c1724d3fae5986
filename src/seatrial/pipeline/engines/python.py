"""The kind `python`: a plain function, in a process of its own."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seatrial.errors import SeatrialError, StepFailed
from seatrial.pipeline.engines.engine import Place, Session, StoreNeed
from seatrial.pipeline.steps.user_traceback import user_line


class Python:
    """Calls the function with its inputs and parameters."""

    kind = "python"
    place: Place = "child"
    store: StoreNeed = "any"
    instead_of_workers: str | None = None
    arguments: frozenset[str] = frozenset()

    def call(
        self,
        function: Callable[..., Any],
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        session: Session,  # noqa: ARG002 — of Spark
    ) -> object:
        """See `Engine`."""
        return function(**inputs, **parameters)

    def explain(
        self,
        error: Exception | SystemExit,
        *,
        step: str,
        directory: Path,
        session: Session,  # noqa: ARG002 — of Spark
    ) -> SeatrialError:
        """See `Engine`. The whole traceback goes to the step's log."""
        if isinstance(error, SeatrialError):
            return error
        traceback.print_exception(error)
        path, line = user_line(error, directory)
        return StepFailed(f"step {step!r} raised {type(error).__name__}: {error}", path=path, line=line)
