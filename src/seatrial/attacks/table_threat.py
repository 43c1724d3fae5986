"""What an attacker may do to a row of a table: some columns, within limits, at a price, under constraints.

Rows are float64[n, d], one column an input of the model; a text column holds the place of its value in a vocabulary.
After Simonetto et al. (2022), "A unified framework for adversarial attack and defense in constrained feature space".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.losses import Floats
from seatrial.attacks.threats import Rows

_ROUNDING = 1e-9  # of costs and steps
_OPERATORS: dict[str, Callable[[Floats, Floats], NDArray[np.bool_]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """How each of d columns may change; a column that may not has cost infinity.

    `step` is 0 where any amount will do. `values` lists the places that a text may change to; its cost is that of one
    change, whatever the places.
    """

    low: Floats
    high: Floats
    step: Floats
    up: NDArray[np.bool_]
    down: NDArray[np.bool_]
    cost: Floats
    values: tuple[tuple[int, ...], ...]

    @property
    def is_text(self) -> NDArray[np.bool_]:
        """Which columns are texts that may change."""
        return np.array([bool(places) for places in self.values])

    @property
    def is_number(self) -> NDArray[np.bool_]:
        """Which columns are numbers that may change."""
        return np.isfinite(self.cost) & ~self.is_text


@dataclass(frozen=True, slots=True)
class Constraint:
    """A comparison that holds between two columns, or a column and a number: places in the row, or a value."""

    left: int | float
    operator: str
    right: int | float
    text: str

    def holds(self, rows: Rows) -> NDArray[np.bool_]:
        """Row by row: bool[n]."""
        sides = [
            rows[:, side] if isinstance(side, int) else np.full(len(rows), side) for side in (self.left, self.right)
        ]
        return np.asarray(_OPERATORS[self.operator](*sides))


def parse_constraint(text: str, columns: Sequence[str]) -> Constraint | str:
    """The constraint that `text` states ("capital_loss <= capital_gain"), or what is wrong with it."""
    for sign in _OPERATORS:  # two characters before one
        left, separator, right = text.partition(f" {sign} ")
        if not separator:
            continue
        sides: list[int | float] = []
        for side in (left.strip(), right.strip()):
            if side in columns:
                sides.append(list(columns).index(side))
                continue
            try:
                sides.append(float(side))
            except ValueError:
                return f'"{side}" must be a column or a number'
        return Constraint(sides[0], sign, sides[1], text)
    return f"a constraint must be a comparison with spaces around it, such as a <= b, by one of {', '.join(_OPERATORS)}"


@dataclass(frozen=True, slots=True, eq=False)
class TableThreat:
    """Columns change as `moves` allow, at a total cost of at most `budget`, where every constraint keeps holding."""

    moves: Moves
    budget: float
    constraints: tuple[Constraint, ...] = ()
    name: str = "table"

    @property
    def text(self) -> str:
        """In a few words."""
        changed = int(np.isfinite(self.moves.cost).sum())
        return f"{changed} columns at a cost of at most {self.budget:g}"

    @property
    def radius(self) -> float:
        """The budget."""
        return self.budget

    def cost(self, moved: Rows, origin: Rows) -> Floats:
        """What each row's changes cost: float64[n]."""
        change = np.abs(moved - origin)
        priced = np.where(self.moves.is_text, change > 0, change)
        with np.errstate(invalid="ignore"):
            total: Floats = np.where(priced > 0, priced * self.moves.cost, 0.0).sum(axis=1)
        return total

    def is_allowed(self, moved: Rows, origin: Rows) -> NDArray[np.bool_]:
        """Which rows are examples that the attacker can make of their origins: bool[n]."""
        fits = self.cost(moved, origin) <= self.budget * (1 + _ROUNDING)
        moves, change = self.moves, moved - origin
        still = change == 0
        number = moves.is_number
        inside = still | ((moved >= moves.low) & (moved <= moves.high) & np.where(change > 0, moves.up, moves.down))
        steps = np.where(moves.step > 0, np.abs(change) / np.where(moves.step > 0, moves.step, 1.0), 0.0)
        whole = np.abs(steps - np.round(steps)) <= _ROUNDING * np.maximum(1.0, steps)
        fits &= (~number | (inside & whole)).all(axis=1)
        for column in np.flatnonzero(moves.is_text):
            fits &= still[:, column] | np.isin(moved[:, column], moves.values[column])
        for constraint in self.constraints:
            fits &= constraint.holds(moved) | ~constraint.holds(origin)  # what did not hold before is not asked for
        return np.asarray(fits)

    def confine(self, moved: Rows, origin: Rows) -> Rows:
        """An allowed example near each `moved` one; a row whose constraints then fail goes back to its origin.

        Texts keep what they changed to while the budget lasts, numbers share what is left in proportion, and are
        rounded towards where they came from.
        """
        moves = self.moves
        confined = np.where(np.isfinite(moves.cost), moved, origin)
        left = np.full(len(origin), self.budget)
        for column in np.flatnonzero(moves.is_text):
            codes = np.round(confined[:, column])
            changed = codes != origin[:, column]
            keep = changed & np.isin(codes, moves.values[column]) & (moves.cost[column] <= left)
            confined[:, column] = np.where(keep, codes, origin[:, column])
            left -= np.where(keep, moves.cost[column], 0.0)
        number = moves.is_number
        if number.any():
            change = self._within(confined, origin)[:, number]
            price = (np.abs(change) * moves.cost[number]).sum(axis=1)
            change *= np.where(price > left, left / np.maximum(price, _ROUNDING), 1.0)[:, None]
            step = moves.step[number]
            size = np.where(step > 0, step, 1.0)
            stepped = np.sign(change) * np.floor(np.abs(change) / size * (1 + _ROUNDING)) * size
            confined[:, number] = origin[:, number] + np.where(step > 0, stepped, change)
        allowed = self.is_allowed(confined, origin)
        return np.where(allowed[:, None], confined, origin)

    def _within(self, moved: Rows, origin: Rows) -> Rows:
        """The change of each column, within its limits and its direction; an origin outside its limits may stay."""
        moves = self.moves
        low, high = np.minimum(moves.low, origin), np.maximum(moves.high, origin)
        change = np.clip(moved, low, high) - origin
        change = np.where(~moves.up & (change > 0), 0.0, change)
        return np.where(~moves.down & (change < 0), 0.0, change)

    def start(self, origin: Rows, rng: np.random.Generator) -> Rows:
        """Random changes of random columns, then confined."""
        moves = self.moves
        chosen = rng.random(origin.shape) < 1 / 2
        with np.errstate(divide="ignore"):
            reach = np.where(moves.is_number, self.budget / moves.cost, 0.0)
        moved = origin + np.where(chosen, rng.uniform(-1.0, 1.0, origin.shape) * reach, 0.0)
        for column in np.flatnonzero(moves.is_text):
            replacement = rng.choice(np.array(moves.values[column], float), len(origin))
            moved[:, column] = np.where(chosen[:, column], replacement, origin[:, column])
        return self.confine(moved, origin)

    def ascend(self, gradient: Rows, origin: Rows) -> Rows:
        """All of the price on the number whose change gains most for it: the steepest step where cost is the norm."""
        moves = self.moves
        free = np.where(gradient > 0, moves.up & (origin < moves.high), moves.down & (origin > moves.low))
        with np.errstate(divide="ignore"):
            gain = np.where(moves.is_number & free, np.abs(gradient) / moves.cost, 0.0)
        best = gain.argmax(axis=1)
        rows = np.arange(len(gradient))
        step = np.zeros_like(gradient)
        has_gain = gain[rows, best] > 0
        step[rows[has_gain], best[has_gain]] = (
            np.sign(gradient[rows[has_gain], best[has_gain]]) / moves.cost[best[has_gain]]
        )
        return step
