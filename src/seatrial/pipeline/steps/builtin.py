"""The steps that follow by themselves: the package of a finished model's file, the trial, and the release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.errors import InputError, did_you_mean
from seatrial.pipeline.project.locations import is_model_file, is_rows_file
from seatrial.pipeline.project.settings import DataSettings, ModelSettings, Project
from seatrial.pipeline.steps.declaration import BUILT_IN, Against, LocalModel, Parameter, RowsAt, Source, Step
from seatrial.pipeline.steps.graph import Graph
from seatrial.stores.documents import sha256, to_json
from seatrial.verdicts.policy import Policy

# Part of the key in place of source code: raised when the step would answer differently for the same inputs.
CODE = {"package": "package-1", "assess": "assess-4", "release": "release-1"}
# What a project may set of the trial, and the defaults. What does not fit the time is left out, and says so.
SETTABLE: Mapping[str, Parameter] = {"seed": 7, "budget_s": 600.0}
AGAINST = "against "  # an input of `assess` for each release that the policy compares with: "against newest_passed"
NOTE = "note: "  # before what is doubtful about the data, in the log of `assess`
BASELINES = ("baseline", "one-column rule")  # made by the trial itself, and no releases


def built_in_steps(project: Project, graph: Graph, *, rehearse: bool) -> tuple[Step, ...]:
    """`package` for a model file, `assess` and, but for a rehearsal, `release`; none where there is no model to try."""
    if project.model_settings is None:
        return ()
    if project.data is None:
        raise InputError(
            "[data] is missing.", path=project.path, hint="Say which tables and columns [model] is tried on."
        )
    model, data = project.model_settings, project.data
    roles = _roles(project, data, rehearse=rehearse)
    references = [reference for step in graph.values() for reference in step.references]
    for place, reference in (("model.from", model.from_), *((f"data.{role}", name) for role, name in roles.items())):
        is_file = is_model_file(reference) if place == "model.from" else is_rows_file(reference)
        if not is_file and reference not in references:
            hint = did_you_mean(reference, references) or f"There is: {', '.join(references) or 'no step'}."
            hint += f' A file or folder is written with a slash: "./{reference}".'
            raise InputError(f"{place}: no step makes {reference!r}.", path=project.path, hint=hint)
    _check_test_is_only_measured(data, model.from_, graph, path=project.path)
    own = (_package(model, data),) if is_model_file(model.from_) else ()
    model_reference = _model_reference(model)
    policy = sha256(to_json(project.policy))
    parameters: Mapping[str, Parameter] = {
        "policy": policy,
        "data": data_digest(data),
        **SETTABLE,
        "rehearse": rehearse,
    }
    inputs: dict[str, Source] = {
        "model": model_reference,
        **{role: _rows(place) for role, place in roles.items()},
        **{f"{AGAINST}{reference}": Against(reference) for reference in compared_with(project.policy)},
    }
    assess = Step("assess", "python", _never_called, inputs, (), (), parameters)
    if rehearse or not project.policy.require:
        return (*own, assess)
    return (*own, assess, release_step(project, model))


def release_step(project: Project, model: ModelSettings) -> Step:
    """The step that signs. It stands without the project's code, which has no business where the key is."""
    parameters: Mapping[str, Parameter] = {"policy": sha256(to_json(project.policy)), "name": project.name}
    inputs = {"model": _model_reference(model), "trial": "assess"}
    return Step("release", "python", _never_called, inputs, (), (), parameters)


def built_in_step(name: str) -> Step | None:
    """A built-in step by name, for whoever has its job already; None for a step of the project's."""
    return Step(name, "python", _never_called, {}, (), (), {}) if name in BUILT_IN else None


def compared_with(policy: Policy) -> tuple[str, ...]:
    """The releases that the policy compares with, as it names them."""
    references = (requirement.no_worse_than for requirement in policy.require)
    return tuple(
        dict.fromkeys(reference for reference in references if reference is not None and reference not in BASELINES)
    )


def wishes_digest(model: ModelSettings, data: DataSettings) -> str:
    """The digest of what the package of a model file is told beside the file and the rows."""
    return sha256(to_json((model.inputs, model.classes, model.threshold, data.label, data.task, data.positive)))


def data_digest(data: DataSettings) -> str:
    """The digest of what the columns mean; which tables they are of is told by the inputs."""
    return sha256(
        to_json(
            (
                (data.label, data.task, data.positive, data.groups, data.cluster),
                (data.weight, data.clip, data.quantile),
            )
        )
    )


def _package(model: ModelSettings, data: DataSettings) -> Step:
    """The step that makes the model file a package. It reads validation where there is one, and so does a rehearsal's.

    Of the test data it would take the names of columns and classes, and rows without their labels to ask the model for.
    """
    rows = _rows(data.test if data.validation is None else data.validation)
    inputs: Mapping[str, Source] = {"file": LocalModel(model.from_), "rows": rows}
    return Step("package", "python", _never_called, inputs, (), (), {"wishes": wishes_digest(model, data)})


def _model_reference(model: ModelSettings) -> str:
    """The output that is the model: that of `package` where a file is named."""
    return "package" if is_model_file(model.from_) else model.from_


def _rows(place: str) -> Source:
    return RowsAt(place) if is_rows_file(place) else place


def _roles(project: Project, data: DataSettings, *, rehearse: bool) -> dict[str, str]:
    """The tables that the trial reads, by role; a rehearsal never sees the test data."""
    if rehearse and data.validation is None:
        raise InputError(
            "a rehearsal needs validation rows, and [data] does not name them.",
            path=project.path,
            hint='Add validation = "FILE" with rows that are not test data; without them every look at a model counts.',
        )
    return dict(_places(data, rehearse=rehearse))


def _places(data: DataSettings, *, rehearse: bool) -> Iterator[tuple[str, str]]:
    for role, place in (("train", data.train), ("validation", data.validation), ("calibration", data.calibration)):
        if place is not None:
            yield role, place
    if not rehearse:
        yield "test", data.test


def _check_test_is_only_measured(data: DataSettings, model: str, graph: Graph, *, path: str) -> None:
    """`InputError` where the test table has another role too, or a step that the model comes from reads it."""
    for role, table in _places(data, rehearse=True):
        if table == data.test:
            raise InputError(
                f"data.test: {table!r} is data.{role} too, and what chooses must not see what counts.",
                path=path,
                hint="Let a step split off a table that is only measured.",
            )
    makers = {reference: step for step in graph.values() for reference in step.references}
    ancestors = [makers[model]] if model in makers else []
    for step in ancestors:
        if data.test in step.inputs.values():
            raise InputError(
                f"data.test: step {step.name!r} reads {data.test!r}, and the model comes from that step.",
                path=path,
                hint=f"Take it out of the inputs of {step.name!r}; the trial alone reads it.",
            )
        sources = (makers[source] for source in step.inputs.values() if isinstance(source, str))
        ancestors.extend(maker for maker in sources if maker not in ancestors)


def _never_called() -> None:
    """Built-in steps have no function of the project's: pipeline/running/execute_step.py runs them."""
    raise AssertionError
