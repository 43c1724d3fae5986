"""What an attacker is supposed to be able to do: part of a policy, and of what it signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Norm = Literal["linf", "l2", "l0", "patch", "table"]

# The tiers of the attack suite, which a policy can name. "pgd" is every restart, "apgd" every loss and target.
TIERS = ("noise", "fgsm", "pgd", "apgd", "minimum-norm", "square", "transfer")
TABLE_TIERS = ("noise", "fgsm", "pgd", "discrete", "transfer")

MOST_EXAMPLES = 6  # pairs of images that evidence may hold: it is read whole, and signed
MOST_SIDE = 32  # pixels of an image that it may hold


@dataclass(frozen=True, slots=True)
class Mutable:
    """A column of a table that an attacker can change, and how; every other column stays as it is.

    A number moves within `low` and `high`, in whole multiples of `step`, upwards or downwards only where `direction`
    says so, at `cost` for each unit. A text changes to one of `values`, at `cost` a change.
    """

    low: float | None = None  # None: the lowest value of the validation data
    high: float | None = None
    step: float | None = None  # None: any amount
    direction: Literal["both", "up", "down"] = "both"
    cost: float = 1.0
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThreatModel:
    """All examples that an attacker can make of one.

    For `linf`, `l2` and `l0` every input is a number within `low` and `high`, and may move by `budget` in that norm
    (l0: at most `budget` inputs change); a `patch` is a square of an image with sides of `budget` pixels. For `table`
    the columns of `mutable` change at a total cost of at most `budget`, where `constraints` between columns keep
    holding: "capital_loss <= capital_gain".

    `tiers` names the tiers that suffice: these run and no others. Without it, every tier that can run on the model has
    to. `require` names tiers that must have run whatever the model. Where one is missing, the claim is inconclusive.
    `examples` is how many images the evidence may hold, before and after an attack: they are rows of the measured data.
    """

    norm: Norm
    budget: float
    low: float | None = None
    high: float | None = None
    shape: tuple[int, ...] = ()  # of an image: (height, width) or (height, width, channels), in the order of the inputs
    mutable: Mapping[str, Mutable] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    examples: int = 0

    @property
    def known_tiers(self) -> tuple[str, ...]:
        """The tiers that attack within this threat."""
        return TABLE_TIERS if self.norm == "table" else TIERS
