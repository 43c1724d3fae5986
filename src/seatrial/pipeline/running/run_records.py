"""Run records: `runs/<run>.json`, what was run, with what parameters, and how each step ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from seatrial.errors import Corrupt, InputError, ObjectMissing, did_you_mean
from seatrial.pipeline.jobs.step_key import KeyParts
from seatrial.pipeline.places.run_documents import BEGUN, ENDED, logs_prefix
from seatrial.pipeline.steps.declaration import Parameter
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.verdict import Outcome

State = Literal["ran", "cached", "failed", "skipped"]
Ending = Literal["running", "done", "failed", "interrupted"]
RUNS = "runs/"
SCHEDULES = "schedules/"
TOKEN_BYTES = 3
NOT_MADE = "an input was not made"
NEWEST_TOLD = 3  # of the runs that there are, in an error
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # of a run: it becomes a folder's name, and a label

ErrorDocument = Mapping[str, str | int | None]  # see `SeatrialError.as_document`


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How one step of a run ended. `key` is None where it never became known; `errors` say where it failed."""

    name: str
    state: State
    key: str | None
    seconds: float
    reason: str
    parts: KeyParts | None = None
    errors: tuple[ErrorDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningStep:
    """A step that runs now, why, and what keeps it from beginning."""

    name: str
    reason: str
    waits: str | None = None


@dataclass(frozen=True, slots=True)
class TaskStep:
    """A step as a task, after those whose outputs it needs."""

    name: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run is driven from, and what triggered it."""

    driver: str  # the machine's name, or the driver's Job
    trigger: str  # "by hand: NAME", "schedule NAME"
    namespace: str | None = None  # of the Job; None on a machine
    context: str | None = None
    kubeflow: str | None = None  # the endpoint of the Kubeflow that drives it; `driver` is its own id of the run


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run it is. Its id starts with the time, so that ids sort by age."""

    run: str
    started: str  # RFC 3339, UTC
    origin: Origin | None


def new_identity(now: datetime, token: str, origin: Origin | None) -> Identity:
    """A run that begins at `now` (UTC); the token, of `TOKEN_BYTES` as hex, tells runs of one second apart."""
    return Identity(f"{now:%Y%m%dT%H%M%S}-{token}", f"{now:%Y-%m-%dT%H:%M:%SZ}", origin)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run: how it was asked for, and how it goes or went."""

    run: str
    started: str  # RFC 3339, UTC
    profile: str
    rehearsal: bool
    parameters: Mapping[str, Mapping[str, Parameter]]
    ending: Ending
    steps: tuple[StepRecord, ...]
    release: str | None = None  # name@version
    verdict: Outcome | None = None
    code: str | None = None  # the artifact of the project's code, where it travelled to the steps
    origin: Origin | None = None  # None in records of older versions
    running: tuple[RunningStep, ...] = ()  # now, or when the run was killed
    errors: tuple[ErrorDocument, ...] = ()  # why the run could not begin
    tasks: tuple[TaskStep, ...] = ()  # where an orchestrator drives the run: all steps; see `gathered`


@dataclass(frozen=True, slots=True)
class Schedule:
    """What runs to come need, which a cluster starts: the artifact of the project's code."""

    code: str


def schedule_key(name: str) -> str:
    """Where the schedule of that name is kept, for `gc` to see."""
    return f"{SCHEDULES}{name}.json"


def write_run(objects: Objects, record: RunRecord) -> None:
    """Writes the record of a run; the run itself rewrites it as it goes."""
    objects.put(f"{RUNS}{record.run}.json", to_json(record))


def mark_interrupted(objects: Objects, run: str) -> RunRecord:
    """Writes that the run was ended from outside, unless it ended by itself; returns its record."""
    record = read_run(objects, run)
    if record.ending == "running":
        record = replace(record, ending="interrupted", running=())
        write_run(objects, record)
    return record


def read_run(objects: Objects, run: str) -> RunRecord:
    """The record of one run. `Corrupt` where its names are not what a run writes: others may write to the store too."""
    path = f"{RUNS}{run}.json"
    if not _NAME.fullmatch(run):
        raise Corrupt(f"the name of a run must be letters, digits and hyphens, got {run!r}.", path=path)
    record = from_json(RunRecord, objects.get(path).data, path=path)
    if record.run != run:
        raise Corrupt(f"the record must be of the run {run}, got {record.run!r}.", path=path)
    record = gathered(record, objects)
    steps: tuple[StepRecord | RunningStep | TaskStep, ...] = (*record.steps, *record.running, *record.tasks)
    for name in (step.name for step in steps):
        if not name.isidentifier():
            raise Corrupt(f"the name of a step must be an identifier, got {name!r}.", path=path)
    return record


def gathered(record: RunRecord, objects: Objects) -> RunRecord:
    """The record with what the tasks of a run that goes on have written beside it, each for itself.

    Where no driver of Seatrial's own looks on, several tasks would write one record at once.
    """
    if record.ending != "running" or not record.tasks:
        return record
    ended: dict[str, StepRecord] = {}
    begun: dict[str, RunningStep] = {}
    prefix = logs_prefix(record.run)
    for info in objects.list(prefix):
        name = info.key.removeprefix(prefix).partition(".")[0]
        told: StepRecord | RunningStep
        if info.key.endswith(ENDED):
            told = ended[name] = from_json(StepRecord, objects.get(info.key).data, path=info.key)
        elif info.key.endswith(BEGUN):
            told = begun[name] = from_json(RunningStep, objects.get(info.key).data, path=info.key)
        else:
            continue
        if told.name != name:
            raise Corrupt(f"the document must be of the step {name!r}, got {told.name!r}.", path=info.key)
    lost = {name for name, step_record in ended.items() if step_record.state in ("failed", "skipped")}
    for task in record.tasks:
        if task.name not in ended and not lost.isdisjoint(task.needs):
            ended[task.name] = StepRecord(task.name, "skipped", None, 0.0, NOT_MADE)
            lost.add(task.name)
    names = [task.name for task in record.tasks]
    steps = tuple(ended[name] for name in names if name in ended)
    running = tuple(begun[name] for name in names if name in begun and name not in ended)
    ending: Ending = "running"
    if len(steps) == len(record.tasks):
        ending = "failed" if any(step.state == "failed" for step in steps) else "done"
    return replace(record, steps=steps, running=running if ending == "running" else (), ending=ending)


def find_run(objects: Objects, run: str) -> RunRecord:
    """The record of the run whose name begins so; `InputError` where that is none, or several."""
    return read_run(objects, match_run(run, run_names(objects)))


def run_names(objects: Objects) -> list[str]:
    """Oldest first; an object that no run can have written is passed over."""
    names = [info.key.removeprefix(RUNS).removesuffix(".json") for info in objects.list(RUNS)]
    return [name for name in names if _NAME.fullmatch(name)]


def match_run(run: str, names: Sequence[str]) -> str:
    """The one of these runs, oldest first, whose name begins with `run`."""
    matching = [name for name in names if name.startswith(run)]
    if len(matching) == 1:
        return matching[0]
    problem = f"{len(matching)} runs begin so." if matching else "the name of a run was expected, and none begins so."
    hint = did_you_mean(run, names) or f"The newest: {', '.join(names[-NEWEST_TOLD:]) or 'none'}."
    raise InputError(problem, path=run, hint=hint)


def newest_runs(objects: Objects) -> Iterator[RunRecord]:
    """The runs of this project, newest first; a record that cannot be read is passed over."""
    for run in reversed(run_names(objects)):
        try:
            yield read_run(objects, run)
        except (Corrupt, ObjectMissing):
            continue


def last_parts(objects: Objects, steps: frozenset[str]) -> dict[str, KeyParts]:
    """For each step the key parts of the newest run that knew them: what a changed key is compared with."""
    parts: dict[str, KeyParts] = {}
    for record in newest_runs(objects):
        for step in record.steps:
            if step.parts is not None:
                parts.setdefault(step.name, step.parts)
        if steps <= parts.keys():
            break
    return parts
