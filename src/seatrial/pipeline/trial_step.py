"""The built-in step `assess`: the packaged model on the data that counts, under the policy, use by use."""

from __future__ import annotations

from typing import Literal, cast

import pyarrow as pa

from seatrial.assessors.answers import check_subject
from seatrial.assessors.assessor import Subject
from seatrial.assessors.trial import run_trial
from seatrial.batches.table import Table
from seatrial.errors import InputError
from seatrial.models.runtime import load_predictor
from seatrial.pipeline.builtin import data_digest
from seatrial.pipeline.outputs import ArtifactOutput, TableOutput
from seatrial.pipeline.project import DataSettings
from seatrial.pipeline.resolve import Job
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import read_artifact, write_artifact
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.digest import test_digest as digest_of_test_data
from seatrial.verdicts.trial import TestUse
from seatrial.verdicts.uses import record_use

BUDGET_S = 600.0  # for the whole trial; an assessor that would go over says what it left out


def perform_trial(job: Job, workspace: Workspace) -> ArtifactOutput:
    """Measures, and keeps the trial as an artifact. The use of the test data is recorded first."""
    data, policy = workspace.project.data, workspace.project.policy
    policy_digest = sha256(to_json(policy))
    parameters = job.parts.parameters
    if data is None or (parameters["policy"], parameters["data"]) != (policy_digest, data_digest(data)):
        raise InputError("the project's file changed while it ran.", path=workspace.project.path, mend="Run again.")
    _check_kinds(job, workspace.project.path)
    model = job.inputs["model"].digest
    package = read_artifact(workspace.objects, model)
    predictor = load_predictor(package)
    inputs = [column.name for column in predictor.signature.inputs]
    tables = {
        role: _read(pinned, [*inputs, *_columns(data)], workspace)
        for role, pinned in job.inputs.items()
        if isinstance(pinned, TableOutput)
    }
    counted: Literal["validation", "test"] = "validation" if parameters["rehearse"] else "test"
    subject = Subject(
        predictor=predictor,
        tables=tables,
        label=data.label,
        task=data.task,
        positive=data.positive,
        groups=data.groups,
        cluster=data.cluster,
        measured=counted,
    )
    check_subject(subject)  # a mistake in the data costs no use of it
    use = None
    if counted == "test":
        # What answers alike is one model: its graph, whatever its provenance says of when and from which snapshot.
        graph = sha256(package["model.onnx"])
        use = _count_use(workspace.objects, tables["test"], data, inputs, graph, policy_digest)
    trial = run_trial(
        subject,
        policy,
        data=counted,
        use=use,
        model=model,
        policy_digest=policy_digest,
        seed=cast("int", parameters["seed"]),
        budget_s=BUDGET_S,
        progress=lambda claim: print(f"measuring {claim}", flush=True),  # noqa: T201  # a step's output is its log
    )
    return ArtifactOutput(write_artifact(workspace.objects, {"evidence.json": to_json(trial)}), "trial")


def _check_kinds(job: Job, path: str) -> None:
    for role, pinned in job.inputs.items():
        if role != "model" and not isinstance(pinned, TableOutput):
            raise InputError(f"data.{role}: what is named there is no table.", path=path, mend="Name a step's table.")
        if role == "model" and not (isinstance(pinned, ArtifactOutput) and pinned.holds == "model"):
            mend = "Name a step that returns a seatrial.Trained."
            raise InputError("model.from: what is named there is no model.", path=path, mend=mend)


def _columns(data: DataSettings) -> list[str]:
    return [data.label, *data.groups, *([data.cluster] if data.cluster else [])]


def _read(pinned: TableOutput, columns: list[str], workspace: Workspace) -> pa.Table:
    table = Table(pinned.identifier, pinned.snapshot_id, pinned.digest, workspace.catalog)
    return table.to_arrow(list(dict.fromkeys(columns)))


def _count_use(
    objects: Objects, rows: pa.Table, data: DataSettings, inputs: list[str], model: str, policy: str
) -> TestUse:
    digest = digest_of_test_data(rows, label=data.label, inputs=inputs)
    return TestUse(digest, rows.num_rows, record_use(objects, digest, model=model, policy=policy))
