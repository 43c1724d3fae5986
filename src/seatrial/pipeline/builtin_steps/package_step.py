"""The built-in step `package`: the file of a finished model becomes a package, for the columns and classes at hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from seatrial.errors import InputError, spell, spelled
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.pinned_inputs import changed, opened_rows
from seatrial.pipeline.jobs.step_values import ArtifactOutput, ModelFileInput, RowsInput, TableOutput
from seatrial.pipeline.project.locations import local_path
from seatrial.pipeline.steps.builtin import wishes_digest
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import write_artifact
from seatrial.trial.spelling import project_key

if TYPE_CHECKING:
    from seatrial.rows import Rows

ROWS_ASKED = 2048  # as of a trained model: real rows that it answers before anybody relies on it


def package_model(job: Job, workspace: Workspace) -> ArtifactOutput:
    """Packages the file, and prints what was inferred; the same file, columns and wishes give the same package."""
    from seatrial.models.finished import ModelOptions, open_finished
    from seatrial.trial.label_column import read_labels
    from seatrial.tryout.opened_model import with_its_texts

    project = workspace.project
    data, model = project.data, project.model_settings
    file, pinned = job.inputs["file"], job.inputs["rows"]
    if data is None or model is None or job.parts.parameters["wishes"] != wishes_digest(model, data):
        raise InputError("the project's file changed while it ran.", path=project.path, hint="Run again.")
    if not isinstance(file, ModelFileInput) or not isinstance(pinned, RowsInput | TableOutput):
        raise InputError("[data] must name tables.", path=project.path, hint="Name a step's table.")
    path = local_path(file.place, project.directory)
    options = ModelOptions(
        inputs=model.inputs or None,
        task=data.task,
        classes=model.classes or None,
        positive=data.positive,
        threshold=model.threshold,
    )
    label = data.label
    with spelled(project_key), opened_rows(pinned, workspace) as opened:
        opened.check_columns([label])
        labels = None if data.task == "regression" else read_labels(opened, label).classes
        finished, _ = with_its_texts(
            lambda rows: open_finished(
                path, schema=rows.schema, label=label, labels=labels, options=options, rows=_first(rows, label)
            ),
            opened,
        )
    source = json.loads(finished.package["provenance.json"]).get("source") or {}
    if source.get("sha256") != file.digest:
        raise changed(file.place)
    for note in finished.notes:
        print(spell(note, project_key), flush=True)  # noqa: T201  # a step's output is its log, and this one's is shown
    return ArtifactOutput(write_artifact(workspace.objects, finished.package), "model")


def _first(rows: Rows, label: str) -> pa.Table:
    """Some rows without their labels: to be asked, not to be measured."""
    columns = [name for name in rows.schema.names if name != label]
    for table in rows.tables(columns):
        return table.slice(0, ROWS_ASKED)
    return rows.schema.empty_table().select(columns)
