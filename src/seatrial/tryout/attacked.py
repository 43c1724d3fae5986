"""What attacks start from: a sample of the rows that are scored, the model, and its module's gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from seatrial.assessors.gradients import gradients_of
from seatrial.assessors.groups import GroupSpec, with_groups
from seatrial.assessors.under_attack import UnderAttack
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Signature
from seatrial.tryout.row_sample import RowSample
from seatrial.verdicts.policy import Policy


def attacked_sample(
    signature: Signature,
    policy: Policy,
    groups: Sequence[GroupSpec],
    *,
    label: str,
    seed: int,
    others: Sequence[str] = (),
) -> RowSample | None:
    """What takes the sample while rows are scored; None where the policy has no threat models.

    `others` are columns that it keeps besides label, inputs and what groups are made of.
    """
    if not policy.threat:
        return None
    inputs = [column.name for column in signature.inputs]
    sources = [source for spec in groups for source in spec.sources]
    return RowSample([*inputs, *sources, *others], label=label, seed=seed)


def under_attack(
    sample: RowSample,
    predictor: Predictor,
    package: Mapping[str, bytes],
    policy: Policy,
    groups: Sequence[GroupSpec],
    *,
    seen: pa.Table | None,
    heed: Callable[[str], None],
) -> UnderAttack:
    """The sample with its groups beside the model that answers; `seen` are rows that fix what a threat leaves open."""
    differentiated = gradients_of(package)
    return UnderAttack(
        predictor=predictor,
        rows=with_groups(sample.rows(), groups),
        of_rows=sample.seen,
        threats=policy.threat,
        seen=seen,
        differentiated=None if isinstance(differentiated, str) else differentiated,
        why_black_box=differentiated if isinstance(differentiated, str) else "",
        heed=heed,
    )
