"""What is asked of test data, as one digest: the same again of the same model is the same use of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import GroupSpec
from seatrial.stores.documents import sha256, to_json
from seatrial.verdicts.digest import DigestOfTestData
from seatrial.verdicts.policy import Policy


class DecidingColumns:
    """The content of the columns beside label and inputs that requirements rest on: weights, clusters, times, groups.

    It sees the tables as they are scored. The digest is of whole rows, so that values dealt to other rows are others.
    """

    def __init__(
        self,
        policy: Policy,
        groups: Sequence[GroupSpec],
        *,
        label: str,
        inputs: Sequence[str],
        weight: str | None = None,
        cluster: str | None = None,
    ) -> None:
        sources = [source for spec in _decisive(policy, groups) for source in spec.sources]
        beside = (weight, cluster, policy.time)
        candidates = dict.fromkeys([*sources, *(column for column in beside if column is not None)])
        self.columns = tuple(name for name in candidates if name != label and name not in inputs)
        self._digest = DigestOfTestData(label=label, inputs=[*inputs, *self.columns]) if self.columns else None

    def see(self, table: pa.Table) -> None:
        """Takes the next rows."""
        if self._digest is not None:
            self._digest.add(table)

    def hexdigest(self) -> str | None:
        """sha256 in hex of what was seen; None where no such column decides."""
        return None if self._digest is None else self._digest.hexdigest()


def evaluation_digest(
    policy: Policy,
    subject: Subject,
    groups: Sequence[GroupSpec],
    *,
    references: Mapping[str, str | None],
    seed: int,
    deciding: str | None = None,
    budget_s: float | None = None,
) -> str:
    """sha256 in hex of the policy and of everything beside it that another outcome could be had by.

    Whoever may choose weights, clusters, a clip, bins, a budget or a seed until the policy holds has as many chances as
    choices; so has who compares with one model after another. `deciding` is the digest of `DecidingColumns`. Groups
    that no requirement is about decide nothing, nor does a budget without attacks: they are free.
    """
    attacked = any(requirement.threat is not None for requirement in policy.require)
    return sha256(
        to_json(
            {
                "policy": policy,
                "references": dict(references),
                "groups": _decisive(policy, groups),
                "weight": subject.weight,
                "cluster": subject.cluster,
                "columns": deciding,
                "clip": subject.clip,
                "quantile": subject.quantile,
                "largest_weight": subject.largest_weight,
                "seed": seed,
                "budget_s": budget_s if attacked else None,
            }
        )
    )


def _decisive(policy: Policy, groups: Sequence[GroupSpec]) -> list[GroupSpec]:
    columns = {requirement.claim.column for requirement in policy.require}
    return [spec for spec in groups if spec.name in columns]
