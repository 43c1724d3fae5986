"""What is asked of test data, as one digest: the same again of the same model is the same use of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import GroupSpec
from seatrial.stores.documents import sha256, to_json
from seatrial.verdicts.policy import Policy


def evaluation_digest(
    policy: Policy,
    subject: Subject,
    groups: Sequence[GroupSpec],
    *,
    references: Mapping[str, str | None],
    seed: int,
) -> str:
    """sha256 in hex of the policy and of everything beside it that another answer could be had by.

    Whoever may choose weights, clusters, a clip, bins or a seed until the policy holds has as many chances as choices;
    so has who compares with one model after another. Groups that no requirement is about decide nothing: they are free.
    """
    decisive = {requirement.claim.column for requirement in policy.require}
    return sha256(
        to_json(
            {
                "policy": policy,
                "references": dict(references),
                "groups": [spec for spec in groups if spec.name in decisive],
                "weight": subject.weight,
                "cluster": subject.cluster,
                "clip": subject.clip,
                "quantile": subject.quantile,
                "seed": seed,
            }
        )
    )
