"""Run records: `runs/<run>.json`, what was run, with what parameters, and how each step ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from seatrial.errors import Corrupt, ObjectMissing
from seatrial.pipeline.jobs.step_key import KeyParts
from seatrial.pipeline.steps.declaration import Parameter
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.verdict import Outcome

State = Literal["ran", "cached", "failed", "skipped"]
Ending = Literal["running", "done", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How one step of a run ended. `key` is None where it never became known."""

    name: str
    state: State
    key: str | None
    seconds: float
    reason: str
    parts: KeyParts | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. Its id starts with the time, so that ids sort by age."""

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


def write_run(objects: Objects, record: RunRecord) -> None:
    """Writes the record of a run; the run itself rewrites it as it goes."""
    objects.put(f"runs/{record.run}.json", to_json(record))


def read_run(objects: Objects, run: str) -> RunRecord:
    """The record of one run."""
    path = f"runs/{run}.json"
    return from_json(RunRecord, objects.get(path).data, path=path)


def newest_runs(objects: Objects) -> Iterator[RunRecord]:
    """The runs of this project, newest first; a record that cannot be read is passed over."""
    for info in reversed(list(objects.list("runs/"))):
        try:
            yield read_run(objects, info.key.removeprefix("runs/").removesuffix(".json"))
        except (Corrupt, ObjectMissing):
            continue


def last_parts(objects: Objects, steps: frozenset[str]) -> dict[str, KeyParts]:
    """For each step the key parts of the newest run that knew them: what a changed key is compared with."""
    found: dict[str, KeyParts] = {}
    for record in newest_runs(objects):
        for step in record.steps:
            if step.parts is not None:
                found.setdefault(step.name, step.parts)
        if steps <= found.keys():
            break
    return found
