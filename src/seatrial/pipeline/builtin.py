"""The two steps that follow by themselves: the trial of the model, and the release of what was judged."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.errors import InputError
from seatrial.pipeline.graph import Graph, did_you_mean
from seatrial.pipeline.project import DataSettings, Project
from seatrial.pipeline.steps import BUILT_IN, Parameter, Step
from seatrial.stores.documents import sha256, to_json

# Part of the key in place of source code: raised when the step would answer differently for the same inputs.
CODE = {"assess": "assess-1", "release": "release-1"}
SETTABLE: Mapping[str, Parameter] = {"seed": 7}  # what a project may set of the trial, and the defaults


def built_in_steps(project: Project, graph: Graph, *, rehearse: bool) -> tuple[Step, ...]:
    """`assess` and, but for a rehearsal, `release`; none of them where the project names no model."""
    if project.model is None:
        return ()
    if project.data is None:
        raise InputError(
            "[data] is missing.", path=project.path, mend="Say which tables and columns [model] is tried on."
        )
    known = [reference for step in graph.values() for reference in step.references]
    for place, reference in (("model.from", project.model), *_roles(project.data, rehearse=rehearse).items()):
        if reference not in known:
            mend = did_you_mean(reference, known) or f"There is: {', '.join(known)}."
            raise InputError(f"{place}: no step makes {reference!r}.", path=project.path, mend=mend)
    _check_test_is_only_measured(project.data, project.model, graph, path=project.path)
    policy = sha256(to_json(project.policy))
    parameters: Mapping[str, Parameter] = {
        "policy": policy,
        "data": data_digest(project.data),
        **SETTABLE,
        "rehearse": rehearse,
    }
    inputs = {"model": project.model, **_roles(project.data, rehearse=rehearse)}
    assess = Step("assess", "python", _never_called, inputs, (), (), parameters)
    if rehearse or not project.policy.require:
        return (assess,)
    named: Mapping[str, Parameter] = {"policy": policy, "name": project.name}
    inputs = {"model": project.model, "trial": "assess"}
    return (assess, Step("release", "python", _never_called, inputs, (), (), named))


def built_in_step(name: str) -> Step | None:
    """A built-in step by name, for whoever has its job already; None for a step of the project's."""
    return Step(name, "python", _never_called, {}, (), (), {}) if name in BUILT_IN else None


def _roles(data: DataSettings, *, rehearse: bool) -> dict[str, str]:
    """The tables that the trial reads, by role; a rehearsal never sees the test data."""
    roles = {"validation": data.validation}
    if data.calibration is not None:
        roles["calibration"] = data.calibration
    return roles if rehearse else {**roles, "test": data.test}


def _check_test_is_only_measured(data: DataSettings, model: str, graph: Graph, *, path: str) -> None:
    """`InputError` where the test table has another role too, or a step that the model comes from reads it."""
    for role, table in _roles(data, rehearse=True).items():
        if table == data.test:
            raise InputError(
                f"data.test: {table!r} is data.{role} too, and what chooses must not see what counts.",
                path=path,
                mend="Let a step split off a table that is only measured.",
            )
    makers = {reference: step for step in graph.values() for reference in step.references}
    ancestors = [makers[model]]
    for step in ancestors:
        if data.test in step.inputs.values():
            raise InputError(
                f"data.test: step {step.name!r} reads {data.test!r}, and the model comes from that step.",
                path=path,
                mend=f"Take it out of the inputs of {step.name!r}; the trial alone reads it.",
            )
        found = (makers[source] for source in step.inputs.values() if isinstance(source, str))
        ancestors.extend(maker for maker in found if maker not in ancestors)


def data_digest(data: DataSettings) -> str:
    """The digest of what the columns mean; which tables they are of is told by the inputs."""
    return sha256(to_json((data.label, data.task, data.positive, data.groups, data.cluster)))


def _never_called() -> None:
    """Built-in steps have no function of the project's: pipeline/perform.py performs them."""
    raise AssertionError
