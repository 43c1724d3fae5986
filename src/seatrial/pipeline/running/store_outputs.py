"""Keeps what a step returned: tables in the catalog, everything else as artifacts."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from seatrial.errors import StepFailed
from seatrial.models.trained import Trained
from seatrial.pipeline.jobs.job import Job
from seatrial.pipeline.jobs.step_values import ArtifactOutput, Output, TableOutput, table_digest
from seatrial.pipeline.steps.graph import table_name
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import write_artifact

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS_COMPARED = 2048  # of each table that the step read: ONNX against the framework, before a model is packaged
TAG_CHARACTERS = 16  # of the key: enough to name a snapshot's tag, and readable in a listing


def store_output(
    value: object,
    reference: str,
    job: Job,
    workspace: Workspace,
    arguments: Mapping[str, Any],
    session: Callable[[], SparkSession],
) -> Output:
    """Writes one returned value and returns the name it goes by; the kind is chosen by its type."""
    from seatrial.models.codec import Codec

    library = type(value).__module__.partition(".")[0]
    if library == "pyspark":
        from seatrial.prepare.tables import write_table

        identifier, digest, tag = _table_names(reference, job, workspace)
        snapshot = write_table(session(), value, identifier, tag=tag, properties={"seatrial.digest": digest})
        return TableOutput(identifier, snapshot, digest)
    if library == "pandas":
        frame: Any = value
        value = pa.Table.from_pandas(frame, preserve_index=False)
    if isinstance(value, pa.Table):
        from seatrial.prepare.arrow_tables import write_arrow_table

        identifier, digest, tag = _table_names(reference, job, workspace)
        snapshot = write_arrow_table(
            workspace.catalog, value, identifier, tag=tag, properties={"seatrial.digest": digest}
        )
        return TableOutput(identifier, snapshot, digest)
    if isinstance(value, Codec):
        return ArtifactOutput(write_artifact(workspace.objects, {"codec.json": value.to_document()}), "codec")
    if isinstance(value, Trained):
        label = None if workspace.project.data is None else workspace.project.data.label
        return ArtifactOutput(write_artifact(workspace.objects, _package(value, job, arguments, label)), "model")
    try:
        document = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise StepFailed(
            f"output {reference!r} is a {type(value).__name__}, which Seatrial does not keep: {error}.",
            hint="Return a table (Spark, Arrow, pandas), a Codec, a Trained, or what JSON can hold.",
        ) from None
    return ArtifactOutput(write_artifact(workspace.objects, {"document.json": document}), "document")


def _table_names(reference: str, job: Job, workspace: Workspace) -> tuple[str, str, str]:
    """Identifier, digest and tag of a table output."""
    namespace = workspace.project.name.replace("-", "_")
    return (
        f"{namespace}.{table_name(reference)}",
        table_digest(job.key, reference),
        job.key[:TAG_CHARACTERS],
    )


def _columns(trained: Trained) -> list[str]:
    """The columns that a model says it takes; none where its columns are found out by its exporter."""
    if trained.codec is not None:
        return [column.name for column in trained.codec.columns]
    return list(trained.inputs or getattr(trained.fitted, "feature_names_in_", ()))


def _package(trained: Trained, job: Job, arguments: Mapping[str, Any], label: str | None) -> dict[str, bytes]:
    from seatrial.batches.table import Table
    from seatrial.models.columns import number_ranges
    from seatrial.models.package import build_package
    from seatrial.models.provenance import DataSnapshot, Provenance

    tables = {name: value for name, value in arguments.items() if isinstance(value, Table)}
    columns = _columns(trained)
    whole = [table for table in tables.values() if set(columns) <= set(table.schema.names)]
    if not columns and whole:  # which columns it takes is found out when it is exported: from one table's, no label
        columns, whole = [name for name in whole[0].schema.names if name != label], whole[:1]
    if not whole:
        raise StepFailed(
            f"step {job.step!r} trains a model and reads no table with its columns{': ' * bool(columns)}"
            f"{', '.join(columns)}.",
            hint="Name the table it trains on as an input: the packaged model is compared with it on real rows.",
        )
    compared: list[pa.Table] = []

    def each_table() -> Iterator[pa.Table]:
        for table in whole:
            read = table.to_arrow(columns)
            compared.append(read.slice(0, ROWS_COMPARED))
            yield read

    ranges = number_ranges(each_table())
    provenance = Provenance(
        code=job.parts.code,
        step_key=job.key,
        parameters=job.parts.parameters,
        data=tuple(
            DataSnapshot(name, table.identifier, table.snapshot_id, table.digest) for name, table in tables.items()
        ),
        python=platform.python_version(),
        libraries=job.parts.libraries,
        ranges=ranges,
    )
    return build_package(trained, rows=pa.concat_tables(compared), provenance=provenance)
