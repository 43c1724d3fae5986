"""One Spark session a run, made when the first step asks for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.errors import InputError, StepFailed
from seatrial.pipeline.workspace import Workspace, bucket_authorities

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from seatrial.prepare.executor_pods import ExecutorPods
    from seatrial.prepare.jars import JarList


class SharedSession:
    """Owns the session: whoever asks first makes it, `end` stops it."""

    def __init__(
        self,
        workspace: Workspace,
        log: Path | None,
        pods: ExecutorPods | None = None,
        *,
        more_jars: Sequence[JarList] = (),
    ) -> None:
        self._workspace = workspace
        self._more_jars = more_jars
        self._pods = pods
        self.log = log  # of Spark and the JVM; None: what they print goes with what the step prints
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._session: SparkSession | None = None
        self._ended = False
        self._step = threading.local()  # whose jobs a thread starts

    @property
    def running(self) -> SparkSession | None:
        """The session, where one was made and has not ended."""
        return None if self._ended else self._session

    @contextmanager
    def jobs_named(self, step: str) -> Iterator[None]:
        """Within the block this thread's jobs go by the step's name."""
        self._step.name = step
        try:
            yield
        finally:
            self._step.name = None

    def get(self) -> SparkSession:
        """The session; made now if there is none yet. After `end` there is none any more: `StepFailed`."""
        from seatrial.prepare.session import spark_session
        from seatrial.prepare.stages import name_jobs

        if self._workspace.profile.store is None and self._workspace.store.url.startswith("file:"):
            raise InputError(
                "the project's store is a plain folder, and Spark steps need one that speaks S3.",
                path=self._workspace.store.url,
                hint="Name a store in the profile; or move that folder away, with the releases and uses counted in it.",
            )
        with self._lock:
            if self._ended:
                raise StepFailed("the run is ending.")
            if self._session is None:
                chosen = self._workspace.profile.spark
                # Functions of the project's modules are pickled by name: Spark's Python workers must find them too.
                path = {"spark.executorEnv.PYTHONPATH": str(self._workspace.project.directory)}
                settings = replace(chosen, conf={**path, **chosen.conf})
                self._session = self._stack.enter_context(
                    spark_session(
                        settings,
                        self._workspace.store,
                        self._workspace.catalog,
                        log=self.log,
                        authorities=bucket_authorities(self._workspace),
                        pods=self._pods,
                        more_jars=self._more_jars,
                    )
                )
            if (step := getattr(self._step, "name", None)) is not None:
                name_jobs(self._session, step)
            return self._session

    def end(self) -> None:
        """Stops the session, and with it whatever still runs in it; one that is just being made is waited for."""
        with self._lock:
            self._ended = True
            self._stack.close()
