"""What somebody asks of a model and a table, as a value: every option of `seatrial try`, and of `assess`."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.models.signature import Task

SEED = 7  # of whatever the methods draw: stated with the evidence, so that it can be drawn again

BUDGET_S = 600.0  # for the trial; without attacks a second or two, whatever the rows


@dataclass(frozen=True, slots=True)
class Question:
    """None is inferred where it can be, and what was inferred is said."""

    label: str
    task: Task | None = None
    positive: str | None = None
    classes: tuple[str, ...] | None = None  # of a model's file that names none, in the order of its probabilities
    groups: tuple[str, ...] = ()  # as written: "sex", "age:18,25,65", "sex*race"
    inputs: tuple[str, ...] | None = None  # the columns of a model that takes one matrix, in its order
    threshold: float | None = None
    weight: str | None = None
    cluster: str | None = None  # a column whose equal values mark rows that are not independent
    clip: float | None = None
    quantile: float | None = None
    largest_weight: float | None = None  # of anybody whom the rows stand for, drawn or not
    margin: float | None = None  # by how much the model may be worse than the one it is compared with
    seed: int = SEED
    budget_s: float = BUDGET_S
