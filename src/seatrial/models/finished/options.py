"""What a user says of a finished model."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.models.signature import Task


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What the user says of the model; None is inferred, and said in the notes."""

    inputs: tuple[str, ...] | None = None  # the columns of a matrix input, in its order
    task: Task | None = None
    classes: tuple[str, ...] | None = None  # in the order of the probabilities
    positive: str | None = None
    threshold: float | None = None
    like: tuple[str, ...] | None = None  # the columns of the model that this one is compared with
