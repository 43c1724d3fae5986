"""What attacks and counterfactuals start from: a sample of the scored rows, the model, its module's gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from seatrial.assessors.contingency.group_specs import GroupSpec, with_groups
from seatrial.assessors.robustness.gradients import NoGradients, gradients_of
from seatrial.assessors.robustness.trees import trees_of
from seatrial.assessors.robustness.trigger_rate import METRIC as TRIGGER_RATE
from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Signature
from seatrial.trial.row_sample import RowSample
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
    """What takes the sample while rows are scored; None where nobody attacks, and no group column is an input.

    `others` are columns that it keeps besides label, inputs and what groups are made of.
    """
    inputs = [column.name for column in signature.inputs]
    sources = [source for spec in groups for source in spec.sources]
    asks = any(requirement.claim.metric == TRIGGER_RATE for requirement in policy.require)
    if not policy.threat and not asks and not set(inputs) & set(sources):
        return None
    return RowSample([*inputs, *sources, *others], label=label, seed=seed)


def under_attack(
    sample: RowSample,
    predictor: Predictor,
    package: Mapping[str, bytes],
    policy: Policy,
    groups: Sequence[GroupSpec],
    *,
    seen: pa.Table | None,
    on_progress: Callable[[str], None],
) -> UnderAttack:
    """The sample with its groups beside the model that answers; `seen` are rows that fix what a threat leaves open."""
    # The module is the project's code, or a minute of loading: it is made only where somebody attacks.
    differentiated = gradients_of(package) if policy.threat else NoGradients("the policy does not have threat models")
    return UnderAttack(
        predictor=predictor,
        rows=with_groups(sample.rows(), groups),
        of_rows=sample.seen,
        threats=policy.threat,
        seen=seen,
        differentiated=None if isinstance(differentiated, NoGradients) else differentiated,
        gradients_exist=isinstance(differentiated, NoGradients) and differentiated.exist_elsewhere,
        trees=trees_of(package),
        why_black_box=differentiated.reason if isinstance(differentiated, NoGradients) else "",
        on_progress=on_progress,
    )
