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
            {name: value for name, value in asdict(toleration).items() if value is not None}
            for toleration in tolerations
        ]
    return spec


def toleration_mistake(tolerations: Sequence[Toleration]) -> tuple[str, str] | None:
    """What Kubernetes refuses in them, and the hint."""
    for toleration in tolerations:
        if toleration.operator not in OPERATORS:
            return f'operator must be one of {", ".join(OPERATORS)}, got "{toleration.operator}".', 'Write "Exists".'
        if toleration.effect is not None and toleration.effect not in EFFECTS:
            return (
                f'effect must be one of {", ".join(EFFECTS)}, got "{toleration.effect}".',
                "Leave it out for all of them.",
            )
        if (toleration.value is None) != (toleration.operator == "Exists"):
            return (
                f'the toleration of "{toleration.key}" must have a value unless its operator is "Exists".',
                "Add it.",
            )
    return None
