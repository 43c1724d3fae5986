"""The kind `spark`: a function that gets the run's one Spark session, in the process of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seatrial.errors import SeatrialError
from seatrial.pipeline.engines.engine import Place, Session, StoreNeed


class Spark:
    """Calls the function with the session as its argument `spark`.

    In the process of the run: a session in each child would be a JVM in each.
    """

    kind = "spark"
    place: Place = "run"
    store: StoreNeed = "s3"  # S3A reads and writes what the steps share
    instead_of_workers: str | None = "Spark spreads its work itself: see executors in [profile.X.spark]."
    arguments: frozenset[str] = frozenset({"spark"})

    def call(
        self,
        function: Callable[..., Any],
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        session: Session,
    ) -> object:
        """See `Engine`."""
        from seatrial.pipeline.jobs.stored_files import StoredFiles
        from seatrial.prepare.other_buckets import reach_bucket

        spark = session.get()
        for files in inputs.values():
            if isinstance(files, StoredFiles) and files.other_bucket is not None:
                reach_bucket(spark, files.other_bucket)
        return function(spark=spark, **inputs, **parameters)

    def explain(self, error: Exception | SystemExit, *, step: str, directory: Path, session: Session) -> SeatrialError:
        """See `Engine`. Of a Java exception the root cause; of one in a worker the worker's line."""
        from seatrial.prepare.failure import spark_cause

        return spark_cause(error, step=step, directory=directory, log=session.log)
