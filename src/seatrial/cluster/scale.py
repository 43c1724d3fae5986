"""How many pods a service has at a time: between two numbers, by the processor time that they use. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# Kubernetes leaves a number of pods alone while it is within a tenth of what the target asks for. A pod's limit is
# what it asks for, so that its use never passes 1: from a target above 1 / 1.1 no further pod would ever come.
CPU_LEAST, CPU_MOST = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Scale:
    """Between `min` and `max` pods; another one comes where those there use more than `cpu` of what they ask for."""

    min: int
    max: int
    cpu: float = 0.7

    @property
    def cpu_percent(self) -> int:
        """`cpu` as Kubernetes wants it."""
        return round(100 * self.cpu)


def scale_mistake(scale: Scale) -> tuple[str, str, str] | None:
    """The key that is wrong, how, and the hint."""
    if scale.min < 1:
        return "min", f"min must be at least 1, got {scale.min}.", "Give at least 1: without pods nobody answers."
    if scale.max <= scale.min:
        return (
            "max",
            f"max must be greater than min, got {scale.max} with min {scale.min}.",
            f"For a number that stays, write replicas = {scale.min} in place of scale.",
        )
    if not CPU_LEAST <= scale.cpu <= CPU_MOST:
        return (
            "cpu",
            f"cpu must be between {CPU_LEAST} and {CPU_MOST}, got {scale.cpu:g}.",
            "Give the share of a pod's CPU above which another one comes: 0.7.",
        )
    return None
