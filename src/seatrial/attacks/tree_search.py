"""The worst allowed change of a table's row for an ensemble of trees, by branch and bound over the leaves.

Along the columns that may change, trees are constant between their thresholds. A box of changes is bounded by what
each tree's best leaf in it adds (Kantchelian, Tygar & Joseph 2016; Chen et al. 2019, "Robustness verification of
tree-based models", bound it likewise); where one leaf of each tree is left, the bound is the value. The classifier's
answer follows the sums (checked on the rows themselves), so the largest sum is the worst case.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.exhaustive_search import SearchResult
from seatrial.attacks.input_space import MISSING, InputSpace
from seatrial.attacks.losses import Codes, Floats
from seatrial.attacks.table_threat import TableThreat
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Rows
from seatrial.models.tree_ensemble import EQUALITIES, TreeEnsemble, TreeModel

MOST_BOXES = 200_000  # looked at for all rows together: some 10 s on one core
_LEAST_BOXES, _MOST_BOXES = 300, 20_000  # of one row
_MOST_VALUES = 400  # of one column that are tried one by one; of more, those beside a threshold
_HALVINGS = 80  # that bring two float64 as near to a threshold as they can be
_BLOCK = 64  # rows whose features are asked for at once
_TIED = 1e-5  # sums so near to each other are rounded apart by float32
_ROUNDING = 1e-9

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What one column of one row may become, the row's own value first among equals in cost: value, cost [v]."""

    values: Floats
    costs: Floats


@dataclass(frozen=True, slots=True)
class TreeSearch:
    """A tree model in the space of its inputs, ready to be searched."""

    trees: TreeModel
    space: InputSpace

    def features(self, points: Rows) -> NDArray[np.generic]:
        """What the trees see of the points."""
        return self.trees.features(self.space.table(points))

    def columns_of(self, threat: TableThreat, origin: Rows) -> dict[int, Ints] | None:
        """Which features each mutable column moves; None where one feature hangs on two of them."""
        rng = np.random.default_rng(0)
        sample = origin[: min(len(origin), 64)]
        before = self.features(sample)
        features_of: dict[int, Ints] = {}
        for column in np.flatnonzero(np.isfinite(threat.moves.cost)):
            moved_features: set[int] = set()
            for draw in range(8):
                moved = sample.copy()
                if threat.moves.is_text[column]:
                    moved[:, column] = threat.moves.values[column][draw % len(threat.moves.values[column])]
                else:
                    low, high = threat.moves.low[column], threat.moves.high[column]
                    moved[:, column] = rng.uniform(low, high, len(sample))
                after = self.features(moved)
                same = (after == before) | (np.isnan(after.astype(float)) & np.isnan(before.astype(float)))
                moved_features |= set(np.flatnonzero(~same.all(axis=0)).tolist())
            features_of[int(column)] = np.array(sorted(moved_features), np.int64)
        every = np.concatenate([*features_of.values(), np.array([], np.int64)])
        return None if len(np.unique(every)) < len(every) else features_of

    def thresholds(self, column: int, features: Ints, threat: TableThreat, origin: Rows) -> Floats | None:
        """Values of a number on both sides of each threshold, as near to it as float64 allows; None where none are."""
        ensemble = self.trees.ensemble
        splits = np.flatnonzero(np.isin(ensemble.feature, features))
        if np.isin(ensemble.mode[splits], EQUALITIES).any():
            return None
        pairs = np.unique(np.column_stack([ensemble.feature[splits], ensemble.threshold[splits]]), axis=0)
        low = np.full(len(pairs), min(threat.moves.low[column], float(origin[:, column].min())))
        high = np.full(len(pairs), max(threat.moves.high[column], float(origin[:, column].max())))
        rows, which, limits = np.repeat(origin[:1], len(pairs), axis=0), pairs[:, 0].astype(np.int64), pairs[:, 1]

        def is_beyond(values: Floats) -> NDArray[np.bool_]:
            rows[:, column] = values
            feature_values = self.features(rows)[np.arange(len(rows)), which].astype(np.float64)
            return np.asarray(feature_values > limits)

        rising = is_beyond(high)
        crossed = rising != is_beyond(low)
        for _ in range(_HALVINGS):
            middle = low + (high - low) / 2
            beyond = is_beyond(middle) == rising
            high, low = np.where(beyond, middle, high), np.where(beyond, low, middle)
        near = np.concatenate([low[crossed], high[crossed]])
        # A split may also send the very threshold either way: the next number on each side is tried as well.
        return np.unique(np.concatenate([near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf)]))


def search_trees(
    target: TargetModel, origin: Rows, actual: Codes, threat: TableThreat, *, search: TreeSearch
) -> SearchResult | None:
    """The largest sum against each row's class, and for which rows it is certain; None where trees do not decide."""
    ensemble = search.trees.ensemble
    features = search.features(origin)
    sums = ensemble.sums(features)
    answered = target.scores(origin).argmax(axis=1)
    directions = _directions(sums, answered, classes=target.scores(origin[:1]).shape[1])
    columns = search.columns_of(threat, origin)
    if directions is None or columns is None:
        return None
    near: dict[int, Floats] = {}
    for column, moved in columns.items():
        if threat.moves.is_number[column]:
            values = search.thresholds(column, moved, threat, origin)
            if values is None:
                return None
            near[column] = values
    moved_features = np.concatenate([*columns.values(), np.array([], np.int64)])
    fixed = np.flatnonzero(~np.isin(ensemble.feature, moved_features))
    passed = ensemble.passes(features, fixed)
    bound = _are_bound(threat, columns)
    worst, certain = origin.copy(), np.zeros(len(origin), dtype=bool)
    most = int(np.clip(MOST_BOXES // max(len(origin), 1), _LEAST_BOXES, _MOST_BOXES))
    for row, candidates, column_features in _candidate_features(search, origin, columns, threat, near):
        leaves = _Leaves.of(ensemble, column_features, candidates, columns, fixed, passed[row], merge=not bound)
        certain[row] = True
        best = -np.inf
        for direction in directions[actual[row]]:
            value, changed, sure = leaves.largest(direction, origin[row], threat, most, bound=bound)
            certain[row] &= sure
            value += float(ensemble.base @ direction)
            if changed is not None and value > best:
                best, worst[row] = value, changed
    # The change of the largest sum is put to the model. Where several classes tie for it, the model is asked once more
    # about none of them: a row that then stands is not certain.
    return SearchResult(worst, certain)


def _candidate_features(
    search: TreeSearch,
    origin: Rows,
    columns: Iterable[int],
    threat: TableThreat,
    near: Mapping[int, Floats],
) -> Iterator[tuple[int, dict[int, Candidates], dict[int, NDArray[Any]]]]:
    """Each row, the candidates of its columns, and the features of the row with each of them; asked for in blocks."""
    for first in range(0, len(origin), _BLOCK):
        block = range(first, min(first + _BLOCK, len(origin)))
        candidates = [
            {column: _candidates(origin[row], column, threat, near.get(column)) for column in columns} for row in block
        ]
        counts = [len(choices.values) for own in candidates for choices in own.values()]
        points = np.concatenate(
            [
                _with(origin[row], column, choices.values)
                for row, own in zip(block, candidates, strict=True)
                for column, choices in own.items()
            ]
        )
        parts = iter(np.split(search.features(points), np.cumsum(counts)[:-1]))
        for row, own in zip(block, candidates, strict=True):
            yield row, own, {column: next(parts) for column in own}


def _with(row: Rows, column: int, values: Floats) -> Rows:
    points = np.repeat(row[None], len(values), axis=0)
    points[:, column] = values
    return points


def _are_bound(threat: TableThreat, columns: Iterable[int]) -> bool:
    """Whether a constraint holds for a column that may change: then a cheaper change may be forbidden."""
    sides = {
        side
        for constraint in threat.constraints
        for side in (constraint.left, constraint.right)
        if isinstance(side, int)
    }
    return not sides.isdisjoint(columns)


def _directions(sums: Floats, answered: Ints, *, classes: int) -> list[list[Floats]] | None:
    """For each class the weights of the sums that grow as its answer gets worse; None where answers do not follow."""
    width = sums.shape[1]
    if classes == _TWO:
        if width > _TWO:
            return None
        way = np.ones(1) if width == 1 else np.array([-1.0, 1.0])
        of_zero, of_one = (sums[answered == code] @ way for code in range(_TWO))
        if not of_zero.size or not of_one.size:
            return [[way, -way], [way, -way]]
        if of_zero.max() <= of_one.min() + _TIED:
            return [[way], [-way]]
        return [[-way], [way]] if of_one.max() <= of_zero.min() + _TIED else None
    if width != classes:
        return None
    rows = np.arange(len(sums))
    if (sums[rows, answered] < sums.max(axis=1) - _TIED).any():
        return None
    unit = np.eye(classes)
    return [[unit[rival] - unit[own] for rival in range(classes) if rival != own] for own in range(classes)]


_TWO = 2


def _candidates(row: Rows, column: int, threat: TableThreat, near: Floats | None) -> Candidates:
    """What a column of a row may become: all allowed values, or of many those beside a threshold."""
    moves, here = threat.moves, row[column]
    if moves.is_text[column]:
        values = np.unique([here, *(float(place) for place in moves.values[column])])
        costs = np.where(values == here, 0.0, moves.cost[column])
    elif here == MISSING:
        values, costs = np.array([here]), np.zeros(1)
    else:
        values = _numbers(here, column, threat, near)
        costs = np.abs(values - here) * moves.cost[column]
    paid = costs <= threat.budget * (1 + _ROUNDING)
    return Candidates(values[paid], costs[paid])


def _numbers(here: float, column: int, threat: TableThreat, near: Floats | None) -> Floats:
    moves = threat.moves
    reach = threat.budget / moves.cost[column]
    low = max(min(moves.low[column], here), here - reach) if moves.down[column] else here
    high = min(max(moves.high[column], here), here + reach) if moves.up[column] else here
    step = moves.step[column]
    if step > 0 and (high - low) / step <= _MOST_VALUES:
        first, last = np.ceil((low - here) / step * (1 - _ROUNDING)), np.floor((high - here) / step * (1 + _ROUNDING))
        values = here + np.arange(first, last + 1) * step
    else:
        beside = np.array([]) if near is None else near[(near >= low) & (near <= high)]
        values = beside
        if step > 0:
            steps = (beside - here) / step
            values = here + np.unique(np.concatenate([np.floor(steps), np.ceil(steps)])) * step
        values = np.concatenate([values, [low, high] if step <= 0 else []])
    inside = (values >= moves.low[column]) & (values <= moves.high[column])
    return np.unique(np.concatenate([values[inside], [here]]))


@dataclass(frozen=True, slots=True, eq=False)
class _Leaves:
    """The leaves that a row can reach, and by which candidates of each column: `reached` counts them up to a place."""

    columns: tuple[int, ...]
    candidates: tuple[Candidates, ...]
    reached: tuple[Ints, ...]  # a column each: int[leaves, candidates + 1], cumulative
    tree: Ints
    values: Floats  # [leaves, outputs]

    @classmethod
    def of(
        cls,
        ensemble: TreeEnsemble,
        column_features: dict[int, NDArray[Any]],
        candidates: dict[int, Candidates],
        columns: dict[int, Ints],
        fixed: Ints,
        passed: NDArray[np.bool_],
        *,
        merge: bool,
    ) -> _Leaves:
        """`column_features`: those of each column's candidates; `passed` is about the splits in `fixed`, which stay."""
        split_outcomes = np.full(len(ensemble.feature), -1)
        split_outcomes[fixed] = passed
        outcome = split_outcomes[ensemble.pair_split]
        lost = np.unique(ensemble.pair_leaf[(outcome >= 0) & (outcome != ensemble.pair_side)])
        alive = np.ones(len(ensemble.leaf_tree), dtype=bool)
        alive[lost] = False
        open_pairs = np.flatnonzero(alive[ensemble.pair_leaf] & (outcome < 0))
        place = np.cumsum(alive) - 1
        masks: list[NDArray[np.bool_]] = []
        reduced: list[Candidates] = []
        for column, moved in columns.items():
            own = candidates[column]
            pairs = open_pairs[np.isin(ensemble.feature[ensemble.pair_split[open_pairs]], moved)]
            mask = np.ones((int(alive.sum()), len(own.values)), dtype=bool)
            if pairs.size:
                goes = (
                    ensemble.pair_side[pairs][:, None]
                    == ensemble.passes(column_features[column], ensemble.pair_split[pairs]).T
                )
                leaf = place[ensemble.pair_leaf[pairs]]
                starts = np.flatnonzero(np.diff(leaf, prepend=-1))
                mask[leaf[starts]] = np.logical_and.reduceat(goes, starts, axis=0)
            if merge:
                own, mask = _merged(own, mask)
            masks.append(mask)
            reduced.append(own)
        reachable = np.logical_and.reduce([mask.any(axis=1) for mask in masks])
        cumulative = tuple(
            np.concatenate([np.zeros((int(reachable.sum()), 1), int), mask[reachable].cumsum(axis=1)], axis=1)
            for mask in masks
        )
        values = ensemble.leaf_values[alive][reachable]
        return cls(tuple(columns), tuple(reduced), cumulative, ensemble.leaf_tree[alive][reachable], values)

    def largest(
        self, direction: Floats, row: Rows, threat: TableThreat, most: int, *, bound: bool
    ) -> tuple[float, Rows | None, bool]:
        """The largest weighted sum of any affordable change, that change, and whether it is certain."""
        gain = self.values @ direction
        every = np.arange(len(gain))
        whole = tuple((0, len(choices.values)) for choices in self.candidates)
        order = count()
        queue = [(-self._bound(every, gain), next(order), whole, every)]
        for _ in range(most):
            if not queue:
                return -np.inf, None, True
            negated, _, box, leaves = heapq.heappop(queue)
            single = all(end - start == 1 for start, end in box)
            decided = single or (not bound and len(leaves) == len(np.unique(self.tree[leaves])))
            if decided:
                changed = self._cheapest(box, row)
                if threat.is_allowed(changed[None], row[None])[0]:
                    return -negated, changed, True
                if single:
                    continue
            for part in self._halves(box):
                if self._cost(part) > threat.budget * (1 + _ROUNDING):
                    continue
                inside = leaves
                for column, (start, end) in enumerate(part):
                    if part[column] != box[column]:
                        reached = self.reached[column][inside]
                        inside = inside[reached[:, end] > reached[:, start]]
                heapq.heappush(queue, (-self._bound(inside, gain), next(order), part, inside))
        if not queue:
            return -np.inf, None, True
        negated, _, box, _ = queue[0]
        return -negated, self._cheapest(box, row), False

    def _bound(self, leaves: Ints, gain: Floats) -> float:
        starts = np.flatnonzero(np.diff(self.tree[leaves], prepend=-1))
        return float(np.maximum.reduceat(gain[leaves], starts).sum())

    def _halves(self, box: Sequence[tuple[int, int]]) -> list[tuple[tuple[int, int], ...]]:
        widest = max(range(len(box)), key=lambda column: box[column][1] - box[column][0])
        start, end = box[widest]
        middle = (start + end) // 2
        if end - start == 1:
            return []
        return [
            tuple(part if column == widest else (first, last) for column, (first, last) in enumerate(box))
            for part in ((start, middle), (middle, end))
        ]

    def _cost(self, box: Sequence[tuple[int, int]]) -> float:
        return float(
            sum(choices.costs[start:end].min() for choices, (start, end) in zip(self.candidates, box, strict=True))
        )

    def _cheapest(self, box: Sequence[tuple[int, int]], row: Rows) -> Rows:
        changed = row.copy()
        for column, choices, (start, end) in zip(self.columns, self.candidates, box, strict=True):
            changed[column] = choices.values[start + int(choices.costs[start:end].argmin())]
        return changed


def _merged(own: Candidates, mask: NDArray[np.bool_]) -> tuple[Candidates, NDArray[np.bool_]]:
    """Candidates that reach the same leaves are one: the cheapest of them."""
    packed = np.packbits(mask, axis=0)
    _, kind = np.unique(packed, axis=1, return_inverse=True)
    order = np.lexsort((own.costs, kind.reshape(-1)))
    first = order[np.flatnonzero(np.diff(kind.reshape(-1)[order], prepend=-1))]
    first = first[np.argsort(own.values[first], kind="stable")]
    return Candidates(own.values[first], own.costs[first]), mask[:, first]
