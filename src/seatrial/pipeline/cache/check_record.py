"""Whether what a cache record names is whole, and made by the step that the record is of.

What a model, a trial, a table or a release says of its own origin is compared with the record's key. Who forges all of
them so that they agree holds the store's credentials: that is in the threat model.
"""

from __future__ import annotations

from seatrial.errors import Corrupt, TableGone
from seatrial.models.provenance import Provenance
from seatrial.pipeline.cache.cache_record import CacheRecord, record_path
from seatrial.pipeline.compared_releases import NONE
from seatrial.pipeline.jobs.step_values import ArtifactOutput, ReleaseOutput, TableOutput
from seatrial.pipeline.steps.builtin import AGAINST
from seatrial.pipeline.workspace import Workspace
from seatrial.releases.release import EVIDENCE_JSON, RELEASE_JSON, Release
from seatrial.releases.source import release_key
from seatrial.stores.artifacts import read_artifact, read_manifest
from seatrial.stores.documents import from_json, sha256
from seatrial.stores.objects import Objects
from seatrial.stores.table_metadata import read_properties
from seatrial.verdicts.trial import Trial


def check_record(record: CacheRecord, workspace: Workspace) -> None:
    """`Corrupt` or `ObjectMissing` for the first output that is damaged, lost, or not of the record's step."""
    for reference, output in record.outputs.items():
        try:
            match output:
                case TableOutput():
                    _check_table(output, reference, workspace)
                case ArtifactOutput():
                    _check_artifact(output, record, workspace.objects)
                case ReleaseOutput():
                    _check_release(output, record, workspace.objects)
        except KeyError as error:
            raise Corrupt(f"{reference}: the record lacks {error}.", path=record_path(record.key)) from None


def _check_table(output: TableOutput, reference: str, workspace: Workspace) -> None:
    properties = read_properties(workspace.catalog, workspace.objects, output.identifier, output.snapshot_id)
    if properties is None:
        from seatrial.batches.table import Table

        try:
            properties = Table(output.identifier, output.snapshot_id, output.digest, workspace.catalog).properties
        except TableGone as error:
            raise Corrupt(f"{reference}: {error.problem}", path=output.identifier) from None
    if properties["seatrial.digest"] != output.digest:
        raise Corrupt(f"{reference}: this snapshot is of another step or other inputs.", path=output.identifier)


def _check_artifact(output: ArtifactOutput, record: CacheRecord, objects: Objects) -> None:
    files = read_artifact(objects, output.digest)  # every byte: models and codecs are small
    path = f"artifacts/{output.digest}"
    if output.holds == "model":
        _check_origin(from_json(Provenance, files["provenance.json"], path=f"{path}/provenance.json"), record, path)
    if output.holds == "trial":
        trial = from_json(Trial, files[EVIDENCE_JSON], path=f"{path}/{EVIDENCE_JSON}")
        data = "validation" if record.parts.parameters["rehearse"] else "test"
        expected = (record.parts.inputs["model"], record.parts.parameters["policy"], data)
        if (trial.model, trial.policy, trial.data) != expected:
            raise Corrupt("the trial is of another model, policy or data.", path=path)
        for name, digest in record.parts.inputs.items():
            reference = name.removeprefix(AGAINST)
            if reference != name and (trial.references.get(reference, NONE) or NONE) != digest:
                raise Corrupt(f"the trial compares with another {reference}.", path=path)


def _check_origin(provenance: Provenance, record: CacheRecord, path: str) -> None:
    made_by, source = provenance.step_key, provenance.source
    if made_by is None:  # nobody knows how a finished model was trained; it is told by its file
        if source is None or source.sha256 != record.parts.inputs.get("file"):
            raise Corrupt("the model was packaged from another file.", path=path)
    elif made_by != record.key:
        raise Corrupt(f"the model was made under the key {made_by[:12]}…, not {record.key[:12]}….", path=path)


def _check_release(output: ReleaseOutput, record: CacheRecord, objects: Objects) -> None:
    path = release_key(output.name, output.version, RELEASE_JSON)
    document = objects.get(path).data
    if sha256(document) != output.digest:
        raise Corrupt("the release is not the one that was made.", path=path)
    release = from_json(Release, document, path=path)
    evidence = read_manifest(objects, record.parts.inputs["trial"]).files[EVIDENCE_JSON].sha256
    if (release.model, release.evidence) != (record.parts.inputs["model"], evidence):
        raise Corrupt("the release is of another model or trial.", path=path)
