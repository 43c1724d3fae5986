"""From what is known to what a step would read and which key that gives; and whether the cache has it, whole."""

from __future__ import annotations

import fnmatch
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.errors import Corrupt, InputError, ObjectMissing, did_you_mean
from seatrial.pipeline.cache.cache_record import CacheRecord, read_record
from seatrial.pipeline.cache.check_record import check_record
from seatrial.pipeline.compared_releases import check_some_requirement_applies, find_reference
from seatrial.pipeline.engines import ENGINES
from seatrial.pipeline.jobs.local_files import pin_local_files
from seatrial.pipeline.jobs.pinned_inputs import pin_model, pin_rows
from seatrial.pipeline.jobs.step_key import KeyParts, library_versions
from seatrial.pipeline.jobs.step_values import AgainstInput, FilesInput, Input, Output
from seatrial.pipeline.project.cluster_profile import resources_of
from seatrial.pipeline.project.locations import is_file_address, is_remote
from seatrial.pipeline.steps.builtin import CODE
from seatrial.pipeline.steps.declaration import Against, Files, LocalModel, Parameter, RowsAt, Step, workers_mistake
from seatrial.pipeline.steps.source_digest import code_digest
from seatrial.pipeline.workspace import Workspace, bucket_settings, ledger_place
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.store_url import shown_url

Parameters = Mapping[str, Mapping[str, Parameter]]  # by step


@dataclass(frozen=True, slots=True)
class Job:
    """One step, ready to run: everything it reads is pinned."""

    step: str
    parts: KeyParts
    inputs: Mapping[str, Input]

    @property
    def key(self) -> str:
        """The step key."""
        return self.parts.key


def missing_inputs(step: Step, outputs: Mapping[str, Output]) -> tuple[str, ...]:
    """The references that have to be made before this step's key can be known."""
    return tuple(source for source in step.inputs.values() if isinstance(source, str) and source not in outputs)


def job_for(step: Step, outputs: Mapping[str, Output], parameters: Parameters, workspace: Workspace) -> Job:
    """The job that runs `step` on the outputs that are known; all of its inputs must be among them."""
    inputs: dict[str, Input] = {}
    references: dict[str, AgainstInput] = {}
    for argument, source in step.inputs.items():
        match source:
            case str():
                inputs[argument] = outputs[source]
            case Files():
                inputs[argument] = pin_files(source, step, workspace)
            case LocalModel(place):
                inputs[argument] = pin_model(place, workspace)
            case RowsAt(place):
                inputs[argument] = pin_rows(place, workspace)
            case Against(reference):  # built in: it stands behind the model that it is compared with
                references[reference] = find_reference(reference, inputs["model"].digest, workspace)
                inputs[argument] = references[reference]
    if references:
        check_some_requirement_applies(workspace.project.policy, references, workspace.project.path)
    resources = resources_of(step, workspace.profile)
    if (amiss := workers_mistake(step.kind, step.name, resources)) is not None:
        key, problem, hint = amiss
        raise InputError(f"step {step.name!r}: {key}: {problem}", path=workspace.project.path, hint=hint)
    parts = KeyParts(
        step=step.name,
        kind=step.kind,
        code=CODE.get(step.name) or code_digest(step.function, workspace.project.directory),
        parameters={**step.parameters, **parameters.get(step.name, {}), **_ledger(step, workspace)},
        inputs={argument: pinned.digest for argument, pinned in inputs.items()},
        outputs=step.outputs,
        libraries=library_versions(step.libraries, step=step.name),
        workers=resources.workers,
    )
    return Job(step.name, parts, inputs)


def objects_of(pattern: str, workspace: Workspace) -> Objects:
    """The objects among which a pattern of `Files` matches: those of the project's store, or of another bucket."""
    if not is_remote(pattern):
        return workspace.objects
    from seatrial.stores.obstore_objects import open_objects

    return open_objects(bucket_settings(workspace, pattern))


def _ledger(step: Step, workspace: Workspace) -> Mapping[str, Parameter]:
    """Where the trial's use of the test data is counted with those of others: what was counted elsewhere is not it."""
    if step.name != "assess" or step.parameters.get("rehearse"):
        return {}
    place = ledger_place(workspace, os.environ)
    return {} if place is None else {"test_uses": place}


def pin_files(files: Files, step: Step, workspace: Workspace) -> FilesInput:
    """The files that match now, wherever they lie; none is an error."""
    if not is_file_address(files.pattern):
        return pin_objects(objects_of(files.pattern, workspace), files, step.name)
    master = workspace.profile.spark.master
    if "spark" in ENGINES[step.kind].arguments and not master.startswith("local"):
        raise InputError(
            f"step {step.name!r}: Spark runs at {shown_url(master)}, and cannot read files of this machine.",
            path=files.pattern,
            hint='Put them into the store: `seatrial put FILES… raw/`, Files("raw/*").',
        )
    return pin_local_files(files.pattern, step.name, workspace.project.directory)


def pin_objects(objects: Objects, files: Files, step: str) -> FilesInput:
    """The objects that match now, by ETag; none is an error."""
    pattern = files.pattern
    where = "the store"
    if is_remote(pattern):
        bucket, _, pattern = pattern.removeprefix("s3://").partition("/")
        where = f"the bucket {bucket!r}"
    fixed = pattern[: min((pattern.find(mark) for mark in "*?[" if mark in pattern), default=None)]
    infos = [info for info in objects.list(fixed) if _matches(info.key, pattern)]
    if not infos:
        raise InputError(
            f"step {step!r}: no file in {where} matches {pattern!r}.",
            path=files.pattern,
            hint=f'Files of this machine are Files("file:{pattern}"); they may also be put there.'
            if pattern.startswith(("/", "~", "."))
            else "Put the files there, or correct the pattern.",
        )
    digest = sha256(to_json([(info.key, info.size_bytes, info.etag) for info in infos]))
    return FilesInput(files.pattern, digest, {info.key: info.etag for info in infos})


def _matches(key: str, pattern: str) -> bool:
    """Folder by folder, as a shell does: `raw/*.csv` means no file of a folder below `raw`."""
    parts, pattern_parts = key.split("/"), pattern.split("/")
    return len(parts) == len(pattern_parts) and all(map(fnmatch.fnmatchcase, parts, pattern_parts))


def cached(job: Job, workspace: Workspace) -> tuple[CacheRecord | None, str]:
    """The record of this job when all it names is whole, else None and why it does not serve."""
    try:
        record = read_record(workspace.objects, job.key)
        if record is None:
            return None, ""
        check_record(record, workspace)
    except (Corrupt, ObjectMissing) as error:
        return None, f"its cached output does not serve: {error.problem}"
    return record, ""


def merge_parameters(steps: Mapping[str, Step], from_file: Parameters, sets: tuple[str, ...], path: str) -> Parameters:
    """`[params]` of the file with `--set step.name=value` on top, each checked against the step's own default."""
    merged = {step: dict(values) for step, values in from_file.items()}
    for text in sets:
        place, equals, written = text.partition("=")
        step, dot, name = place.partition(".")
        if not (equals and dot):
            raise InputError(f"--set {text}: not of the form step.parameter=value.", hint="Write --set model.epochs=3.")
        default = steps[step].parameters.get(name) if step in steps else None
        merged.setdefault(step, {})[name] = written if default is None else _parsed(written, default, text)
    set_here = {text.partition("=")[0] for text in sets}
    for step, values in merged.items():
        if step not in steps:
            place = path if step in from_file else "--set"
            raise InputError(
                f"params.{step}: the project does not have a step of that name.",
                path=place,
                hint=did_you_mean(step, steps),
            )
        for name, value in values.items():
            place = "--set" if f"{step}.{name}" in set_here else path
            if name not in steps[step].parameters:
                defaults = steps[step].parameters
                hint = did_you_mean(name, defaults) or f"It has: {', '.join(defaults) or 'none'}."
                raise InputError(f"{step}.{name}: step {step!r} does not have this parameter.", path=place, hint=hint)
            values[name] = _typed(value, default=steps[step].parameters[name], place=f"{step}.{name}", path=place)
    return merged


def _parsed(text: str, default: Parameter, assignment: str) -> Parameter:
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, int):
            return int(text)
        return float(text) if isinstance(default, float) else text
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number"}.get(type(default), "a number")
        raise InputError(
            f"--set {assignment}: the value must be {expected}.", hint=f"Its default is {default}."
        ) from None


def _typed(value: Parameter, *, default: Parameter, place: str, path: str) -> Parameter:
    if type(default) is float and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise InputError(
            f"{place}: {value!r} is {type(value).__name__}, not {type(default).__name__}.",
            path=path,
            hint=f"Its default is {default!r}.",
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(
            f"{place}: the value must be a finite number, got {value!r}.",
            path=path,
            hint=f"Its default is {default!r}.",
        )
    return value
