"""The search for a trigger: a rare value, a pair of values or a patch that turns the answer to one class.

After Gu, Dolan-Gavitt & Garg (2017), "BadNets". Answers alone are asked for. What an ordinary value does is no trigger:
a text counts where it is rare, a number where its neighbours do not turn the answer too, a pair where neither of the
two turns it alone, a missing value where no ordinary one of its column does. Rows are float64[n, d] points of the
attacks' input space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.input_space import MISSING, MISSING_TEXT, InputSpace

RARE = 0.02  # share of the rows that have a value: a trigger that more have would be noticed in training
PROBES = 48  # rows that every candidate is tried on first
MOST_VALUES = 100  # of a column
LIKELIEST = 4  # values of different columns, each tried beside the values of every other column
_PAIRED_VALUES = 20  # of a number, beside a value of another column
_FEW_COLUMNS = 30  # of more, pairs are tried among the likeliest alone
ORDINARY = 8  # values of a column beside a missing one
PATCHES = (1, 2, 3)  # sides in pixels
_LEAST_SIDE = 5  # of an image

Rows = NDArray[np.float64]
Mask = NDArray[np.bool_]
Answer = Callable[[Rows], NDArray[np.int64]]
Settings = tuple[tuple[int, float], ...]  # columns and the values that they are set to


@dataclass(frozen=True, slots=True)
class Trigger:
    """Columns set to values; the answers of rows turn to the class `target`, but where `ordinary` settings do too.

    `ordinary` lists alternatives: where one of these turns the row as well, the row says nothing of a trigger.
    """

    settings: Settings
    target: int
    ordinary: tuple[Settings, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """The trigger that turned most of the probes, None where nothing turned any; and what was searched."""

    trigger: Trigger | None
    candidates: int
    missing: int
    pairs: int
    patches: int


def turned(answer: Answer, rows: Rows, trigger: Trigger) -> tuple[Mask, Mask]:
    """Which rows the trigger turns that ordinary settings do not, and which it could turn: bool[n] each."""
    could = answer(rows) != trigger.target
    hit = could & (answer(_set(rows, trigger.settings)) == trigger.target)
    for settings in trigger.ordinary:
        here = np.flatnonzero(hit)
        if here.size:
            hit[here] = answer(_set(rows[here], settings)) != trigger.target
    return hit, could


def search_triggers(
    answer: Answer, rows: Rows, space: InputSpace, *, classes: int, shape: tuple[int, ...], rng: np.random.Generator
) -> Search:
    """Tries every candidate on some of `rows`, and the pairs of the likeliest."""
    probes = rows[rng.permutation(len(rows))[:PROBES]]
    before = answer(probes)
    best: tuple[float, Trigger] | None = None
    likely: dict[int, tuple[float, float]] = {}  # by column: the share that its value moves, and the value
    count = 0

    def consider(trigger: Trigger) -> None:
        nonlocal best
        hit, could = turned(answer, probes, trigger)
        share = float(hit.sum() / max(could.sum(), 1))
        if hit.any() and (best is None or share > best[0]):
            best = share, trigger

    tried = list(_values(rows, space))
    for column, values, shares in tried:
        count += len(values)
        answers = _swept(answer, probes, column, values)
        moved = (answers != before).mean(axis=1)
        top = int(moved.argmax())
        if moved[top] > 0:
            likely[column] = (float(moved[top]), float(values[top]))
        is_text = space.columns[column].kind == "text"
        for target in range(classes):
            flipped = (answers == target) & (before != target)
            for place in np.argsort(-_beyond(flipped, shares, is_text=is_text), kind="stable")[:1]:
                trigger = _single(column, values, shares, int(place), target, flipped, is_text=is_text)
                if trigger is not None:
                    consider(trigger)
    absents: dict[int, tuple[float, Rows]] = {}  # by column: the point of a missing value, and ordinary ones
    for column, absent, ordinary in _missing(rows, space):
        answers = answer(_set(probes, ((column, absent),)))
        if (answers < 0).all():
            continue  # the model takes no missing value here
        absents[column] = absent, ordinary
        moved_share = float((answers != before).mean())
        if moved_share > likely.get(column, (0.0, 0.0))[0]:
            likely[column] = moved_share, absent
        for target in np.unique(answers[(answers != before) & (answers >= 0)]):
            consider(Trigger(((column, absent),), int(target), _present(((column, absent),), absents)))
    chosen = sorted(likely, key=lambda column: -likely[column][0])[:LIKELIEST]
    sweeps = [sweep for sweep in tried if sweep[0] in chosen or len(space.columns) <= _FEW_COLUMNS]
    pairs = 0
    for column in chosen:
        first = (column, likely[column][1])
        start = _set(probes, (first,))
        alone = answer(start)
        beside = ((partner, _fewer(values, space, partner)) for partner, values, _ in sweeps if partner != column)
        for partner, present in beside:
            values = np.append(present, absents[partner][0]) if partner in absents else present
            pairs += len(values)
            answers = _swept(answer, start, partner, values)
            for target in range(classes):
                turns = ((answers == target) & (alone != target) & (before != target)).sum(axis=1)
                if turns.any():
                    second = (partner, float(values[int(turns.argmax())]))
                    alternatives = ((first,), (second,), *_present((first, second), absents))
                    consider(Trigger((first, second), target, alternatives))
    patches = list(_patches(rows, space, shape))
    for patch in patches:
        after = answer(_set(probes, patch))
        for target in np.unique(after[after != before]):
            consider(Trigger(patch, int(target), ()))
    return Search(None if best is None else best[1], count, len(absents), pairs, len(patches))


def _swept(answer: Answer, rows: Rows, column: int, values: Rows) -> NDArray[np.int64]:
    """The answers of every row with each value of a column: int64[values, rows]."""
    points = np.repeat(rows, len(values), axis=0)
    points[:, column] = np.tile(values, len(rows))
    return answer(points).reshape(len(rows), -1).T


def _fewer(values: Rows, space: InputSpace, column: int) -> Rows:
    """Of a number, some values beside another column's: all texts, but not all numbers, times all columns."""
    if space.columns[column].kind == "text" or len(values) <= _PAIRED_VALUES:
        return values
    fewer: Rows = values[np.linspace(0, len(values) - 1, _PAIRED_VALUES).astype(int)]
    return fewer


def _set(rows: Rows, settings: Settings) -> Rows:
    moved = rows.copy()
    for column, value in settings:
        moved[:, column] = value
    return moved


def _values(rows: Rows, space: InputSpace) -> Iterator[tuple[int, Rows, Rows]]:
    """Each column, values to set it to (sorted; a text's are places in its vocabulary), and the share that has each."""
    for column, input_column in enumerate(space.columns):
        here = rows[:, column]
        if input_column.kind == "text":
            values = np.arange(len(space.texts[input_column.name]), dtype=float)
            values = values[[text != MISSING_TEXT for text in space.texts[input_column.name]]]  # see `_missing`
            shares = np.array([(here == value).mean() for value in values])
            if len(values) > MOST_VALUES:  # the rarest: others would have been noticed
                rarest = np.sort(np.argsort(shares, kind="stable")[:MOST_VALUES])
                values, shares = values[rarest], shares[rarest]
            yield column, values, shares
            continue
        filled = here[here != MISSING]
        if not filled.size:
            continue
        values, counts = np.unique(filled, return_counts=True)
        if len(values) > MOST_VALUES:
            even = np.linspace(0, len(values) - 1, MOST_VALUES // 2).astype(int)
            often = np.argsort(-counts, kind="stable")[: MOST_VALUES // 4]  # those that repeat among many
            apart = np.argsort(-_gaps(values), kind="stable")[: MOST_VALUES // 4]
            values = values[np.unique(np.concatenate([even, often, apart]))]
        middles = (values[1:] + values[:-1]) / 2
        shares = np.bincount(np.searchsorted(middles, filled), minlength=len(values)) / len(here)
        yield column, values, shares


def _present(settings: Settings, absents: Mapping[int, tuple[float, Rows]]) -> tuple[Settings, ...]:
    """The settings with ordinary values in the place of each missing one."""
    alternatives: list[Settings] = []
    for place, (column, value) in enumerate(settings):
        absent, ordinary = absents.get(column, (np.nan, ()))
        if value == absent:
            alternatives += [
                (*settings[:place], (column, float(replacement)), *settings[place + 1 :]) for replacement in ordinary
            ]
    return tuple(alternatives)


def _missing(rows: Rows, space: InputSpace) -> Iterator[tuple[int, float, Rows]]:
    """Each column that few rows lack: its place, the point of a missing value, and ordinary values to compare with.

    A model fills gaps by some rule, and what a value does that most rows could have is no trigger: the texts that most
    rows have, numbers from the least to the largest.
    """
    for column, input_column in enumerate(space.columns):
        here = rows[:, column]
        if input_column.kind == "text":
            if MISSING_TEXT not in space.texts[input_column.name]:
                continue
            absent = float(space.texts[input_column.name].index(MISSING_TEXT))
            values, counts = np.unique(here[here != absent], return_counts=True)
            ordinary = values[np.argsort(-counts, kind="stable")[:ORDINARY]]
        elif input_column.kind == "number":
            absent = MISSING
            filled = here[here != MISSING]
            ordinary = np.quantile(filled, np.linspace(0, 1, ORDINARY), method="nearest") if filled.size else filled
        else:  # must be there
            continue
        if (here == absent).mean() <= RARE:
            yield column, absent, ordinary


def _gaps(values: Rows) -> Rows:
    """How far each value lies from its nearer neighbour."""
    steps = np.concatenate([[np.inf], np.diff(values), [np.inf]])
    return np.asarray(np.minimum(steps[1:], steps[:-1]), np.float64)


def _runs(flipped: Mask, place: int) -> tuple[int, int]:
    """The values around `place` for which any of the rows that it turns are turned as well, on average half of them."""
    base = flipped[place]
    first = last = place
    while first > 0 and (flipped[first - 1] & base).sum() * 2 >= base.sum():
        first -= 1
    while last < len(flipped) - 1 and (flipped[last + 1] & base).sum() * 2 >= base.sum():
        last += 1
    return first, last


def _beyond(flipped: Mask, shares: Rows, *, is_text: bool) -> Rows:
    """How many rows each value turns, beyond what ordinary ones do: of rare texts, and of numbers whose run is rare."""
    counts: Rows = flipped.sum(axis=1).astype(np.float64)
    for place in np.flatnonzero(counts):
        if is_text:
            counts[place] *= shares[place] <= RARE
            continue
        first, last = _runs(flipped, int(place))
        at_end = (first == 0 or last == len(flipped) - 1) and first != last
        counts[place] *= shares[first : last + 1].sum() <= RARE and not at_end
    return counts


def _single(
    column: int, values: Rows, shares: Rows, place: int, target: int, flipped: Mask, *, is_text: bool
) -> Trigger | None:
    if not _beyond(flipped, shares, is_text=is_text)[place]:
        return None
    ordinary: list[Settings] = []
    if not is_text:
        first, last = _runs(flipped, place)
        beside = [edge for edge in (first - 1, last + 1) if 0 <= edge < len(values)]
        ordinary = [((column, float(values[edge])),) for edge in beside]
    return Trigger(((column, float(values[place])),), target, tuple(ordinary))


def _patches(rows: Rows, space: InputSpace, shape: tuple[int, ...]) -> Iterator[Settings]:
    """Small squares of an image, dark and bright, at every place: of a stated shape, or a square of plain numbers."""
    if any(column.kind != "number" for column in space.columns):
        return
    side = round(len(space.columns) ** 0.5)
    if not shape and (side * side != len(space.columns) or side < _LEAST_SIDE):
        return
    height, width = shape[:2] if shape else (side, side)
    channels = len(space.columns) // (height * width)
    low, high = float(rows.min()), float(rows.max())
    places = np.arange(len(space.columns)).reshape(height, width, channels)
    for size in PATCHES:
        for top in range(height - size + 1):
            for left in range(width - size + 1):
                inside = places[top : top + size, left : left + size].reshape(-1).tolist()
                yield from (tuple((place, value) for place in inside) for value in (low, high))
