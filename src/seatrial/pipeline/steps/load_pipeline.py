"""A project's graph, whole: its own steps, the built-in ones after them, and the parameters that they get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from seatrial.errors import InputError
from seatrial.pipeline.jobs.job import Parameters, merge_parameters
from seatrial.pipeline.project.locations import is_model_file, is_rows_file
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.steps.builtin import SETTABLE, built_in_steps
from seatrial.pipeline.steps.graph import Graph, load_graph, module_file, order_steps


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What `plan` and `run` work on."""

    graph: Graph
    parameters: Parameters


def load_pipeline(project: Project, *, sets: Sequence[str], rehearse: bool) -> Pipeline:
    """Loads the project's steps and adds the built-in ones; mistakes are raised before anything runs."""
    own = project_steps(project)
    built_in = built_in_steps(project, own, rehearse=rehearse)
    settable = {**own, **{step.name: replace(step, parameters=SETTABLE) for step in built_in if step.name == "assess"}}
    parameters = merge_parameters(settable, project.parameters, tuple(sets), project.path)
    budget_s = parameters.get("assess", {}).get("budget_s")
    if isinstance(budget_s, float) and budget_s <= 0:
        raise InputError(
            f"assess.budget_s must be positive, got {budget_s:g}.", path=project.path, hint="Write seconds: 60."
        )
    return Pipeline(order_steps([*own.values(), *built_in]), parameters)


def project_steps(project: Project) -> Graph:
    """The steps of the project's module; none where it has no such module and names no step's output."""
    data = project.data
    tables = () if data is None else tuple(filter(None, (data.test, data.validation, data.calibration, data.train)))
    finished = project.model is not None and is_model_file(project.model) and all(map(is_rows_file, tables))
    if finished and not module_file(project.directory, project.pipeline).is_file():
        return {}
    return load_graph(project.directory, project.pipeline)
