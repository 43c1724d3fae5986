"""What a run would do and why, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from seatrial.pipeline.jobs.job import Job, Parameters, cached, job_for, missing_inputs
from seatrial.pipeline.jobs.step_key import KeyParts, changes
from seatrial.pipeline.jobs.step_values import Output, ReleaseOutput
from seatrial.pipeline.running.run_records import last_parts
from seatrial.pipeline.steps.graph import Graph
from seatrial.pipeline.workspace import Workspace

UNCHANGED = "cached"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """How a step would end. `key` and `job` are None while an input has to be made before they can be known."""

    name: str
    state: Literal["ran", "cached"]
    key: str | None
    reason: str
    job: Job | None = None
    replaces: bool = False  # a cache record that does not serve


@dataclass(frozen=True, slots=True)
class Plan:
    """One entry a step, in the order they would run; `release` is the one that is there already."""

    steps: tuple[PlannedStep, ...]
    release: ReleaseOutput | None

    @property
    def done(self) -> bool:
        """Whether a run would do nothing."""
        return all(step.state == "cached" for step in self.steps)


def make_plan(graph: Graph, parameters: Parameters, workspace: Workspace, *, use_cache: bool) -> Plan:
    """What `run_pipeline` would do with the same arguments."""
    before = last_parts(workspace.objects, frozenset(graph))
    outputs: dict[str, Output] = {}
    planned = []
    for step in graph.values():
        if missing := missing_inputs(step, outputs):
            reason = f"input {', '.join(missing)} is made anew"
            planned.append(PlannedStep(step.name, "ran", None, reason))
            continue
        job = job_for(step, outputs, parameters, workspace)
        record, doubt = cached(job, workspace) if use_cache else (None, "--no-cache")
        if record is None:
            planned.append(PlannedStep(step.name, "ran", job.key, doubt or why(job.parts, before), job, bool(doubt)))
        else:
            outputs.update(record.outputs)
            planned.append(PlannedStep(step.name, "cached", job.key, UNCHANGED, job))
    release = outputs.get("release")
    return Plan(tuple(planned), release if isinstance(release, ReleaseOutput) else None)


def why(now: KeyParts, before: Mapping[str, KeyParts]) -> str:
    """Why a step that is not cached runs: what changed since the newest run that knew its key."""
    last = before.get(now.step)
    if last is None:
        return "never run"
    return "; ".join(changes(now.step, last, now)) or "its output is not in the store"
