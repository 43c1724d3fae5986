"""What a component, a pipeline job and a schedule must be, and azure-ai-ml does not look at."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Any

from seatrial.cluster.cron import check_cron
from seatrial.deploy.azureml.mistake import Mistake
from seatrial.deploy.azureml.values import (
    COMPONENT,
    COMPUTE,
    RESOURCE,
    VERSION,
    count_mistakes,
    environment_mistakes,
    name_mistakes,
    path_mistakes,
    variable_mistakes,
)
from seatrial.errors import InputError

Document = Mapping[str, Any]
_BINDING = re.compile(r"\$\{\{\s*parent\.(?:jobs\.(?P<job>[^.\s]+)\.outputs|inputs)\.(?P<port>[^.\s}]+)\s*\}\}")
UTC = "UTC"
EVERY = "*"
_DAY, _MONTH = 2, 3  # fields of a cron expression


def component_mistakes(component: Document, files: Collection[str]) -> Iterator[Mistake]:
    """Of a command component; `files` are the paths that are written beside it."""
    yield from name_mistakes("name", component.get("name"), COMPONENT)
    if "version" in component:
        yield from name_mistakes("version", component["version"], VERSION)
    yield from environment_mistakes("environment", component.get("environment"))
    if not str(component.get("command") or "").strip():
        yield Mistake("command", "must be a command, and is empty.", "Write what the container runs.")
    if "code" in component:
        yield from path_mistakes("code", component["code"], files)
    yield from _resource_mistakes("resources", component.get("resources") or {})


def pipeline_mistakes(pipeline: Document, components: Mapping[str, Document]) -> Iterator[Mistake]:
    """Of a pipeline job, beside its components by path."""
    if "name" in pipeline:  # without one Azure ML makes one up, as it does for each job of a schedule
        yield from name_mistakes("name", pipeline["name"], RESOURCE)
    yield from name_mistakes("experiment_name", pipeline.get("experiment_name"), RESOURCE)
    default = (pipeline.get("settings") or {}).get("default_compute")
    if default is not None:
        yield from name_mistakes("settings.default_compute", default, COMPUTE)
    jobs: Mapping[str, Document] = pipeline.get("jobs") or {}
    if not jobs:
        yield Mistake("jobs", "must have a step, and is empty.", "Render a pipeline with steps.")
    of_jobs = {name: components.get(_path(job.get("component"))) for name, job in jobs.items()}
    for name, job in jobs.items():
        key = f"jobs.{name}"
        yield from name_mistakes(key, name, COMPONENT)
        if job.get("compute") is not None or default is None:
            yield from name_mistakes(f"{key}.compute", job.get("compute"), COMPUTE)
        if "environment" in job:
            yield from environment_mistakes(f"{key}.environment", job["environment"])
        variables = job.get("environment_variables") or {}
        yield from variable_mistakes(f"{key}.environment_variables", variables, references=False)
        yield from _resource_mistakes(f"{key}.resources", job.get("resources") or {})
        for limit, value in (job.get("limits") or {}).items():
            yield from count_mistakes(f"{key}.limits.{limit}", value)
        yield from path_mistakes(f"{key}.component", job.get("component"), components)
        yield from _input_mistakes(key, job, of_jobs, of_jobs[name], pipeline.get("inputs") or {})
    yield from _cycle_mistakes(jobs)


def schedule_mistakes(schedule: Document, files: Collection[str]) -> Iterator[Mistake]:
    """Of a schedule; `files` are the paths that are written beside it."""
    yield from name_mistakes("name", schedule.get("name"), RESOURCE)
    yield from path_mistakes("create_job", schedule.get("create_job"), files)
    trigger: Document = schedule.get("trigger") or {}
    expression = str(trigger.get("expression"))
    try:
        check_cron(expression)
    except InputError as error:
        yield Mistake("trigger.expression", error.problem, error.hint or "")
    else:
        fields = expression.split()
        if expression.startswith("@") or fields[_DAY] != EVERY or fields[_MONTH] != EVERY:
            # "How to schedule machine learning pipeline jobs": DAYS and MONTHS are taken for *, whatever they say.
            yield Mistake(
                "trigger.expression",
                f'must have * for the day of the month and the month, got "{expression}": '
                "Azure ML takes them for * without a word.",
                'Say it by minute, hour and day of the week: "0 3 * * 1" is Monday, 03:00.',
            )
    if trigger.get("time_zone") != UTC:
        yield Mistake("trigger.time_zone", f'must be "UTC", got "{trigger.get("time_zone")}".', "Write UTC.")


def _resource_mistakes(key: str, resources: Document) -> Iterator[Mistake]:
    if "instance_count" in resources:
        yield from count_mistakes(f"{key}.instance_count", resources["instance_count"])
    if "instance_type" in resources:
        yield Mistake(
            f"{key}.instance_type",
            f'must be left out, got "{resources["instance_type"]}": the size of a machine is that of its compute.',
            "Name a compute of the size that the step needs.",
        )


def _input_mistakes(
    key: str,
    job: Document,
    of_jobs: Mapping[str, Document | None],
    component: Document | None,
    parent_inputs: Document,
) -> Iterator[Mistake]:
    """Inputs that the component lacks or misses, and bindings to what is not there."""
    inputs: Document = job.get("inputs") or {}
    if component is not None:
        ports: Document = component.get("inputs") or {}
        for name in inputs.keys() - ports.keys():
            known = ", ".join(ports) or "none"
            yield Mistake(f"{key}.inputs.{name}", "is not an input of the component.", f"It has: {known}.")
        for name in ports.keys() - inputs.keys():
            if not ports[name].get("optional"):
                yield Mistake(f"{key}.inputs.{name}", "must be given: the component needs it.", "Bind it to an output.")
    for name, value in inputs.items():
        place = f"{key}.inputs.{name}"
        match = _BINDING.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            if isinstance(value, str) and "${{" in value:
                yield Mistake(place, f'is not a binding, got "{value}".', 'Write "${{parent.jobs.STEP.outputs.NAME}}".')
        elif match["job"] is None:
            if match["port"] not in parent_inputs:
                yield Mistake(place, f"is bound to the input {match['port']}, which the pipeline lacks.", "Correct it.")
        elif match["job"] not in of_jobs:
            known = ", ".join(of_jobs)
            yield Mistake(place, f"is bound to the step {match['job']}, which is not there.", f"Known: {known}.")
        elif (source := of_jobs[match["job"]]) is not None and match["port"] not in (source.get("outputs") or {}):
            known = ", ".join(source.get("outputs") or {}) or "none"
            yield Mistake(
                place, f"is bound to the output {match['port']} that {match['job']} lacks.", f"It has: {known}."
            )


def _cycle_mistakes(jobs: Mapping[str, Document]) -> Iterator[Mistake]:
    before = {
        name: [
            match["job"]
            for value in (job.get("inputs") or {}).values()
            if isinstance(value, str) and (match := _BINDING.fullmatch(value)) and match["job"] is not None
        ]
        for name, job in jobs.items()
    }
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        way = " -> ".join(error.args[1])
        yield Mistake("jobs", f"must not wait for each other, got {way}.", "Take one of the bindings out.")


def _path(component: object) -> str:
    return PurePosixPath(component).as_posix() if isinstance(component, str) else ""
