"""What a project's trial gives to attacks: a sample of the measured rows, the model, and its module's gradients."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.assessors.assessor import Subject
from seatrial.assessors.gradients import gradients_of
from seatrial.assessors.groups import parse_groups, with_groups
from seatrial.assessors.under_attack import UnderAttack
from seatrial.batches.rows import Rows
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Signature
from seatrial.pipeline.graph import make_importable
from seatrial.pipeline.project import DataSettings, Project
from seatrial.tryout.row_sample import RowSample
from seatrial.verdicts.policy import Policy


def attacked_sample(
    rows: Rows, signature: Signature, data: DataSettings, policy: Policy, *, seed: int
) -> RowSample | None:
    """What takes the sample while `rows` are scored; None where the policy has no threat models."""
    if not policy.threat:
        return None
    inputs = [column.name for column in signature.inputs]
    sources = [source for spec in parse_groups(data.groups, rows.schema.names) for source in spec.sources]
    clusters = [] if data.cluster is None else [data.cluster]
    return RowSample([*inputs, *sources, *clusters], label=data.label, seed=seed)


def under_attack(
    sample: RowSample,
    subject: Subject,
    policy: Policy,
    package: Mapping[str, bytes],
    predictor: Predictor,
    project: Project,
) -> UnderAttack:
    """The sample with its groups, beside the model that answers and the module that gives gradients."""
    make_importable(project.directory)  # the factory that makes the module anew is the project's
    differentiated = gradients_of(package)
    rows = with_groups(sample.rows(), parse_groups(subject.groups, sample.rows().column_names))
    validation = subject.tables.get("validation")
    return UnderAttack(
        predictor=predictor,
        rows=rows,
        of_rows=sample.seen,
        threats=policy.threat,
        seen=None if subject.measured == "validation" else validation,
        differentiated=None if isinstance(differentiated, str) else differentiated,
        why_black_box=differentiated if isinstance(differentiated, str) else "",
        heed=lambda doing: print(f"attacking, {doing}", flush=True),  # noqa: T201  # a step's output is its log
    )
