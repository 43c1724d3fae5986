"""The built-in step `assess`: the packaged model on the data that counts, under the policy, use by use."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Literal, cast

import pyarrow as pa

from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.assessors.evaluation_digest import evaluation_digest
from seatrial.assessors.run_trial import run_trial
from seatrial.assessors.subject_checks import check_subject
from seatrial.errors import InputError
from seatrial.models.predictor import Predictor
from seatrial.models.runtime import load_predictor
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.pinned_inputs import opened_rows
from seatrial.pipeline.jobs.step_values import AgainstInput, ArtifactOutput, RowsInput, TableOutput
from seatrial.pipeline.references import open_reference
from seatrial.pipeline.steps.builtin import data_digest
from seatrial.pipeline.steps.graph import make_importable
from seatrial.pipeline.subjects import score_measured, types_like
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import read_artifact, write_artifact
from seatrial.stores.documents import sha256, to_json
from seatrial.trial.attack_starts import attacked_sample, under_attack
from seatrial.verdicts.trial import TestUse
from seatrial.verdicts.uses import record_use

NOTE = "note: "  # before what is doubtful about the data, in the step's log


def perform_trial(job: Job, workspace: Workspace) -> ArtifactOutput:
    """Measures, and keeps the trial as an artifact. The use of the test data is recorded first."""
    data, policy = workspace.project.data, workspace.project.policy
    policy_digest = sha256(to_json(policy))
    parameters = job.parts.parameters
    if data is None or (parameters["policy"], parameters["data"]) != (policy_digest, data_digest(data)):
        raise InputError("the project's file changed while it ran.", path=workspace.project.path, hint="Run again.")
    _check_kinds(job, workspace.project.path)
    model = job.inputs["model"].digest
    package = read_artifact(workspace.objects, model)
    predictor = load_predictor(package)
    compared = [pinned for pinned in job.inputs.values() if isinstance(pinned, AgainstInput)]
    references = _references(compared, predictor, workspace)
    counted: Literal["validation", "test"] = "validation" if parameters["rehearse"] else "test"
    # Of text formats the model's texts are read as texts, whatever they look like.
    texts = {column.name: pa.string() for column in predictor.signature.inputs if column.kind == "text"}
    seed = cast("int", parameters["seed"])
    with ExitStack() as stack:
        pinned = {role: one for role, one in job.inputs.items() if isinstance(one, TableOutput | RowsInput)}
        tables = {
            role: stack.enter_context(opened_rows(one, workspace, types=texts))
            for role, one in pinned.items()
            if role != "train"
        }
        train = None
        if "train" in pinned:
            types = types_like(tables[counted].schema)
            train = stack.enter_context(opened_rows(pinned["train"], workspace, types=types))
        sample = attacked_sample(
            predictor.signature,
            policy,
            parse_groups(data.groups, tables[counted].schema.names),
            label=data.label,
            seed=seed,
            others=[] if data.cluster is None else [data.cluster],
        )
        subject, scored, notes = score_measured(
            tables[counted],
            counted,
            predictor,
            references,
            data,
            validation=tables.get("validation") if counted == "test" else None,
            train=train,
            vocabularies={one.name: one.values for one in predictor.codec.vocabularies} if predictor.codec else None,
            on_progress=lambda done: print(f"scoring, {done:,} rows", flush=True),  # noqa: T201  # a step's output is its log
            watchers=[] if sample is None else [sample],
        )
    if sample is not None:
        make_importable(workspace.project.directory)  # the factory that makes the module anew is the project's
        attacked = under_attack(
            sample,
            predictor,
            package,
            policy,
            parse_groups(data.groups, sample.rows().column_names),
            seen=subject.tables.get("validation") if counted == "test" else None,
            on_progress=lambda doing: print(f"measuring robust_accuracy under {doing}", flush=True),  # noqa: T201
        )
        subject = replace(subject, under_attack=attacked)
    check_subject(subject)  # a mistake in the data costs no use of it
    for note in notes:
        print(f"{NOTE}{note}", flush=True)  # noqa: T201
    found = {against.named: None if against.title is None else against.digest for against in compared}
    use = None
    if counted == "test":
        # What answers alike is one model: its graph, whatever its provenance says of when and from which snapshot.
        graph = sha256(package["model.onnx"])
        specs = parse_groups(data.groups, tables[counted].schema.names)
        asked = evaluation_digest(policy, subject, specs, references=found, seed=seed)
        number = record_use(workspace.objects, scored.digest, model=graph, policy=asked)
        use = TestUse(scored.digest, scored.table.num_rows, number)
    trial = run_trial(
        subject,
        policy,
        data=counted,
        use=use,
        model=model,
        policy_digest=policy_digest,
        seed=seed,
        budget_s=cast("float", parameters["budget_s"]),
        progress=lambda claim: print(f"measuring {claim}", flush=True),  # noqa: T201
        references=found,
    )
    return ArtifactOutput(write_artifact(workspace.objects, {"evidence.json": to_json(trial)}), "trial")


def _check_kinds(job: Job, path: str) -> None:
    for role, pinned in job.inputs.items():
        if role == "model":
            if not (isinstance(pinned, ArtifactOutput) and pinned.holds == "model"):
                hint = "Name a step that returns a seatrial.Trained."
                raise InputError("model.from: what is named there is no model.", path=path, hint=hint)
        elif not isinstance(pinned, TableOutput | RowsInput | AgainstInput):
            raise InputError(f"data.{role}: what is named there is no table.", path=path, hint="Name a step's table.")


def _references(compared: list[AgainstInput], predictor: Predictor, workspace: Workspace) -> Mapping[str, Predictor]:
    """The models that the policy compares with, under the names it gives them."""
    found: dict[str, Predictor] = {}
    for against in compared:
        package = open_reference(against, workspace)
        if package is None:
            continue
        reference = load_predictor(package)
        if reference.signature.task != predictor.signature.task:
            raise InputError(
                f"it is a {reference.signature.task} model, and this one is {predictor.signature.task}.",
                path=against.title,
                hint="Compare with a release of the same task.",
            )
        found[against.named] = reference
    return found
