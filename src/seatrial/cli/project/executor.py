"""`seatrial executor`: an executor of a step's Spark, in a pod that the step's driver made."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

Role = Annotated[str, Parameter(help="What Spark says of each pod that it makes: executor.")]
Code = Annotated[str, Parameter(help="The artifact that holds the project's code, in the store of SEATRIAL_STORE.")]


def command(role: Role = "executor", /, *, code: Code) -> int:  # noqa: ARG001 — there is one
    """Become the Java process that the driver of a Spark step asks for."""
    import os

    from seatrial.pipeline.places.executor_pod import run_executor

    run_executor(code=code, environment=os.environ)
    return 0
