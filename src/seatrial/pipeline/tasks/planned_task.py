"""The steps of a pipeline as an orchestrator is told of them: what each needs, may use and may be set to."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seatrial.errors import InputError
from seatrial.pipeline.jobs.job import Parameters
from seatrial.pipeline.jobs.step_key import library_versions
from seatrial.pipeline.project.cluster_profile import resources_of
from seatrial.pipeline.project.settings import ProfileSettings
from seatrial.pipeline.running.run_records import TaskStep
from seatrial.pipeline.steps.builtin import SETTABLE
from seatrial.pipeline.steps.declaration import BUILT_IN, Parameter, Resources, Step
from seatrial.pipeline.steps.graph import Graph
from seatrial.pipeline.steps.load_pipeline import Pipeline

PYTHON = "Python"


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A step as a task. `needs` are the steps whose outputs it reads; `parameters` may be set, and stand as they are.

    `versions` are those of Python and of the libraries that enter the step's key, on the machine that asks.
    """

    step: str
    needs: tuple[str, ...]
    resources: Resources
    parameters: Mapping[str, Parameter]
    versions: Mapping[str, str]


def plan_tasks(pipeline: Pipeline, profile: ProfileSettings) -> tuple[PlannedTask, ...]:
    """One task a step, each after what it needs; a step that is cached is one too, and ends at once."""
    return tuple(
        PlannedTask(
            step=task.name,
            needs=task.needs,
            resources=resources_of(step, profile),
            parameters=_settable(step, pipeline.parameters),
            versions=versions_here(step),
        )
        for task in task_steps(pipeline.graph)
        for step in (pipeline.graph[task.name],)
    )


def task_steps(graph: Graph) -> tuple[TaskStep, ...]:
    """The steps, in an order that can run, each with those whose outputs it reads."""
    makers = {reference: step.name for step in graph.values() for reference in step.references}
    return tuple(
        TaskStep(
            step.name,
            tuple(dict.fromkeys(makers[source] for source in step.inputs.values() if isinstance(source, str))),
        )
        for step in graph.values()
    )


def check_one_worker(graph: Graph, profile: ProfileSettings, path: str, *, orchestrator: str) -> None:
    """Raises `InputError` for a step with several workers: its task has one pod."""
    for step in graph.values():
        if (workers := resources_of(step, profile).workers) > 1:
            raise InputError(
                f"step {step.name!r} has {workers} workers, and a task of {orchestrator} has one so far.",
                path=path,
                hint=f"Run it --on kubectl, or write {step.name} = {{ workers = 1 }} in [profile.X.steps].",
            )


def refuse_placeholders(texts: Iterable[str], placeholder: str, *, orchestrator: str) -> None:
    """`InputError` for a text in which the orchestrator would put something else in the place of a part."""
    for text in texts:
        if placeholder in text:
            raise InputError(
                f"a parameter must not hold {placeholder!r}: {orchestrator} puts something else in its place.",
                path=text,
                hint="Write it another way, or run it --on kubectl.",
            )


def versions_here(step: Step) -> dict[str, str]:
    """The versions that the step's key would have on this machine."""
    python = {PYTHON: f"{sys.version_info.major}.{sys.version_info.minor}"}
    return python | library_versions(step.libraries, step=step.name)


def _settable(step: Step, parameters: Parameters) -> Mapping[str, Parameter]:
    own = SETTABLE if step.name == "assess" else {} if step.name in BUILT_IN else step.parameters
    return {**own, **parameters.get(step.name, {})}
