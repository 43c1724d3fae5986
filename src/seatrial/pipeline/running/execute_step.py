"""Runs one job: opens what it reads, calls it, and makes what it returns visible through one cache record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from seatrial.errors import Corrupt, SeatrialError, StepFailed
from seatrial.pipeline.builtin_steps import assess_step, package_step, release_step
from seatrial.pipeline.cache.cache_record import CacheRecord, write_record
from seatrial.pipeline.engines import ENGINES
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.jobs.job import Job, pin_files
from seatrial.pipeline.jobs.local_files import local_files
from seatrial.pipeline.jobs.step_values import ArtifactOutput, FilesInput, Input, Output, TableOutput
from seatrial.pipeline.jobs.stored_files import StoredFiles
from seatrial.pipeline.project.locations import is_file_address
from seatrial.pipeline.running.store_outputs import store_output
from seatrial.pipeline.steps.declaration import BUILT_IN, Files, Step
from seatrial.pipeline.steps.source_digest import code_digest
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import read_artifact


def execute_step(
    job: Job, step: Step, workspace: Workspace, run: str, *, session: SharedSession, replace: bool
) -> CacheRecord:
    """Runs the job and returns the record that counts for its key.

    Raises what the step raised as `StepFailed` with the line of the project's code, and Seatrial's errors as they are.
    """
    before = _local_marks(job, workspace)
    outputs = _outputs(job, step, workspace, session)
    unmoved = _local_marks(job, workspace) == before
    for pinned in job.inputs.values():
        if isinstance(pinned, FilesInput):
            _check_unchanged(pinned, step, workspace, unmoved=unmoved)
    if step.name not in BUILT_IN and code_digest(step.function, workspace.project.directory) != job.parts.code:
        raise code_changed(step)
    record = CacheRecord(job.key, job.parts, run, outputs)
    return write_record(workspace.objects, record, replace=replace)


def _outputs(job: Job, step: Step, workspace: Workspace, session: SharedSession) -> Mapping[str, Output]:
    if step.name == "package":
        return {"package": package_step.package_model(job, workspace)}
    if step.name == "assess":
        return {"assess": assess_step.assess_model(job, workspace)}
    if step.name == "release":
        return {"release": release_step.make_release(job, workspace)}
    arguments = _arguments(job, workspace)
    with _explained(step, workspace, session):
        returned = ENGINES[step.kind].call(step.function, arguments, job.parts.parameters, session=session)
        return {  # Spark is lazy: what is wrong with its rows shows when they are kept
            reference: store_output(value, reference, job, workspace, arguments, session.get)
            for reference, value in _by_reference(returned, step).items()
        }


def call_step(job: Job, step: Step, workspace: Workspace, *, session: SharedSession) -> None:
    """Calls the job's function as a worker whose answer does not count; raises as `execute_step` does."""
    arguments = _arguments(job, workspace)
    with _explained(step, workspace, session):
        ENGINES[step.kind].call(step.function, arguments, job.parts.parameters, session=session)


def _arguments(job: Job, workspace: Workspace) -> dict[str, Any]:
    return {name: _opened(pinned, workspace) for name, pinned in job.inputs.items()}


@contextmanager
def _explained(step: Step, workspace: Workspace, session: SharedSession) -> Iterator[None]:
    """Turns what the step's code raises into a `StepFailed` that a person can use."""
    try:
        yield
    except SeatrialError:
        raise
    except (Exception, SystemExit) as error:  # code that calls sys.exit() ends its step, not the run
        directory = workspace.project.directory
        raise ENGINES[step.kind].explain(error, step=step.name, directory=directory, session=session) from error


def _opened(pinned: Input, workspace: Workspace) -> object:
    match pinned:
        case FilesInput():
            return StoredFiles(pinned, workspace)
        case TableOutput(identifier, snapshot_id, digest):
            from seatrial.batches.table import Table

            return Table(identifier, snapshot_id, digest, workspace.catalog)
        case ArtifactOutput(digest, holds):
            files = read_artifact(workspace.objects, digest)
            if holds == "codec":
                from seatrial.models.codec import Codec

                return Codec.from_document(files["codec.json"])
            if holds == "model":
                from seatrial.models.runtime import load_predictor

                return load_predictor(files)
            import json

            return json.loads(files["document.json"])
        case _:
            raise Corrupt(f"a project's step cannot read a {pinned.kind}.", path=pinned.digest)


def _by_reference(returned: object, step: Step) -> Mapping[str, object]:
    if not step.outputs:
        if returned is None:
            raise StepFailed(f"step {step.name!r} returned nothing.", hint="Return its output.")
        return {step.name: returned}
    if not isinstance(returned, Mapping) or set(returned) != set(step.outputs):
        got = ", ".join(map(str, returned)) if isinstance(returned, Mapping) else type(returned).__name__
        raise StepFailed(
            f"step {step.name!r} returned {got}, and declares {', '.join(step.outputs)}.",
            hint="Return a dictionary with exactly the declared outputs.",
        )
    return {f"{step.name}.{output}": returned[output] for output in step.outputs}


def _local_marks(job: Job, workspace: Workspace) -> object:
    """Of files of this machine; whoever writes to one moves its change time, even to put the old content back."""
    patterns = [pinned.pattern for pinned in job.inputs.values() if isinstance(pinned, FilesInput)]
    directory = workspace.project.directory
    return [local_files(pattern, directory).marks() for pattern in patterns if is_file_address(pattern)]


def _check_unchanged(pinned: FilesInput, step: Step, workspace: Workspace, *, unmoved: bool) -> None:
    moved = is_file_address(pinned.pattern) and not unmoved
    if moved or pin_files(Files(pinned.pattern), step, workspace).digest != pinned.digest:
        raise StepFailed(
            f"step {step.name!r}: files that match {pinned.pattern!r} changed while it read them.",
            path=pinned.pattern,
            hint="Its answer is dropped; run again when they are settled.",
        )


def code_changed(step: Step) -> StepFailed:
    """Its answer would be kept under the key of code that did not give it."""
    return StepFailed(
        f"step {step.name!r}: the project's code changed while it ran.",
        path=step.function.__code__.co_filename,
        hint="Its answer is dropped; run again, and what else was finished is kept.",
    )
