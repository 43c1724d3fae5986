"""Which nodes a pod may run on: labels that they must have, and taints that it bears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from seatrial.cluster.yaml_text import Manifest

OPERATORS, EFFECTS = ("Equal", "Exists"), ("NoSchedule", "PreferNoSchedule", "NoExecute")


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint that a pod bears, with Kubernetes' own words; without `effect` each of that key."""

    key: str
    operator: str = "Equal"
    value: str | None = None
    effect: str | None = None


def node_choice(selector: Mapping[str, str], tolerations: Sequence[Toleration]) -> Manifest:
    """What of it stands in a pod's `spec`; nothing where there is nothing to choose."""
    spec: Manifest = {}
    if selector:
        spec["nodeSelector"] = dict(selector)
    if tolerations:
        spec["tolerations"] = [
            {name: value for name, value in asdict(one).items() if value is not None} for one in tolerations
        ]
    return spec


def toleration_mistake(tolerations: Sequence[Toleration]) -> tuple[str, str] | None:
    """What Kubernetes refuses in them, and the hint."""
    for one in tolerations:
        if one.operator not in OPERATORS:
            return f'operator must be one of {", ".join(OPERATORS)}, got "{one.operator}".', 'Write "Exists".'
        if one.effect is not None and one.effect not in EFFECTS:
            return f'effect must be one of {", ".join(EFFECTS)}, got "{one.effect}".', "Leave it out for all of them."
        if (one.value is None) != (one.operator == "Exists"):
            return (
                f'the toleration of "{one.key}" must have a value unless its operator is "Exists".',
                "Add it.",
            )
    return None
