"""The built-in step `assess`: the packaged model on the data that counts, under the policy, use by use."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import cast

import pyarrow as pa

from seatrial.errors import InputError, spell, spelled
from seatrial.models.runtime import load_predictor
from seatrial.pipeline.builtin_steps.uses import use_recorder
from seatrial.pipeline.compared_releases import open_reference
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.pinned_inputs import opened_rows
from seatrial.pipeline.jobs.step_values import AgainstInput, ArtifactOutput, Input, RowsInput, TableOutput
from seatrial.pipeline.project.settings import DataSettings
from seatrial.pipeline.steps.builtin import NOTE, data_digest
from seatrial.pipeline.steps.graph import make_importable
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import read_artifact, write_artifact
from seatrial.stores.documents import sha256, to_json
from seatrial.trial.measure import Role, TrialInputs, measure
from seatrial.trial.model import Model
from seatrial.trial.question import Question
from seatrial.trial.spelling import project_key
from seatrial.trial.training_rows import types_like
from seatrial.trial.validate import groups_of


def assess_model(job: Job, workspace: Workspace) -> ArtifactOutput:
    """Measures, and keeps the trial as an artifact. The use of the test data is recorded first."""
    data, policy = workspace.project.data, workspace.project.policy
    parameters = job.parts.parameters
    if data is None or (parameters["policy"], parameters["data"]) != (sha256(to_json(policy)), data_digest(data)):
        raise InputError("the project's file changed while it ran.", path=workspace.project.path, hint="Run again.")
    _check_kinds(job, workspace.project.path)
    question = _question(data, seed=cast("int", parameters["seed"]), budget_s=cast("float", parameters["budget_s"]))
    package = read_artifact(workspace.objects, job.inputs["model"].digest)
    model = Model("model", load_predictor(package), package)
    if model.signature.task == "multiclass":  # their order is what the project's own training or file states
        question = replace(question, classes=model.signature.classes)
    compared = [pinned for pinned in job.inputs.values() if isinstance(pinned, AgainstInput)]
    role: Role = "validation" if parameters["rehearse"] else "test"
    # Of text formats the model's texts are read as texts, whatever they look like.
    texts = {column.name: pa.string() for column in model.signature.inputs if column.kind == "text"}
    with spelled(project_key), ExitStack() as stack:
        pinned = {name: source for name, source in job.inputs.items() if isinstance(source, TableOutput | RowsInput)}
        tables = {
            name: stack.enter_context(opened_rows(source, workspace, types=texts))
            for name, source in pinned.items()
            if name != "train"
        }
        train = None
        if "train" in pinned:
            types = types_like(tables[role].schema)
            train = stack.enter_context(opened_rows(pinned["train"], workspace, types=types))
        if policy.threat:
            make_importable(workspace.project.directory)  # the factory that makes the module anew is the project's
        measured = measure(
            question,
            TrialInputs(
                model,
                tables[role],
                references=_references(compared, workspace),
                train=train,
                validation=tables.get("validation") if role == "test" else None,
            ),
            policy,
            groups=groups_of(question, tables[role]),
            uses=None if role == "validation" else use_recorder(workspace),
            role=role,
            on_progress=_log_progress,
        )
    for note in measured.notes:
        print(f"{NOTE}{spell(str(note), project_key)}", flush=True)  # noqa: T201  # a step's output is its log
    return ArtifactOutput(write_artifact(workspace.objects, {"evidence.json": to_json(measured.trial)}), "trial")


def _question(data: DataSettings, *, seed: int, budget_s: float) -> Question:
    return Question(
        label=data.label,
        task=data.task,
        positive=data.positive,
        groups=data.groups,
        weight=data.weight,
        cluster=data.cluster,
        clip=data.clip,
        quantile=data.quantile,
        seed=seed,
        budget_s=budget_s,
    )


def _log_progress(phase: str, done: int, rows: int | None) -> None:  # noqa: ARG001  # a ProgressCallback
    print(f"{phase}, {done:,} rows" if done else phase, flush=True)  # noqa: T201  # a step's output is its log


def _check_kinds(job: Job, path: str) -> None:
    for role, pinned in job.inputs.items():
        if role == "model":
            if not (isinstance(pinned, ArtifactOutput) and pinned.holds == "model"):
                hint = "Name a step that returns a seatrial.Trained."
                raise InputError(f"model.from must name a model, got a {_kind(pinned)}.", path=path, hint=hint)
        elif not isinstance(pinned, TableOutput | RowsInput | AgainstInput):
            raise InputError(
                f"data.{role} must name a table, got a {_kind(pinned)}.", path=path, hint="Name a step's table."
            )


def _kind(pinned: Input) -> str:
    """What a pinned input is, in words."""
    return pinned.holds if isinstance(pinned, ArtifactOutput) else pinned.kind


def _references(compared: list[AgainstInput], workspace: Workspace) -> Mapping[str, Model | None]:
    """The models that the policy compares with, under the names it gives them; None where there is none yet."""
    references: dict[str, Model | None] = {}
    for against in compared:
        package = open_reference(against, workspace)
        name = against.reference if against.title is None else against.title
        references[against.reference] = (
            None if package is None else Model(name, load_predictor(package), package, recorded_as=against.digest)
        )
    return references
