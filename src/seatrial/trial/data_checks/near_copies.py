"""Rows of the training set that come again with some columns altered, or with another label.

Two rows that are equal in a third to all of the columns are copies where these columns determine a row: hardly two rows
of the training set are equal in them. Test rows that were drawn as the training rows were meet one of these as often as
these meet each other, so what comes far more often was copied, whatever the columns hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.value_hashes import Hashes, mix_bits

LEAST_COLUMNS = 4
_LEAST_EQUAL = 3  # columns, so with four of them one is left out: in one or two strangers are equal
_MOST_PARTS = 16  # of which each is left out in turn: single columns, up to here
_BLOCKS = 6  # of which any three are left out: so whichever three columns are altered, some set of columns is not
REMEMBERED = 2**15  # hashes a set of columns, 16 bytes each: with their estimates, 40 MB for the 37 sets at most
_ALIKE = 0.05  # share of the training rows that are equal to another one: with more, the columns do not determine a row
_FEWEST, _TIMES = 5, 3  # rows that were seen more than chance times this are copies …
_UNSEEN = 5  # … where chance is taken for this many rows more than were seen alike: none of a few says little


@dataclass(frozen=True, slots=True)
class CountedRows:
    """A number of rows; not `exact` where it was counted on a sample."""

    rows: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class AlteredRows:
    """How many rows that are measured are rows of the training set but for these columns, or for the label alone.

    `digits`: but for the last digits of numbers instead. Not `exact` where they were counted on a sample.
    """

    rows: int
    columns: tuple[str, ...]
    digits: bool = False
    exact: bool = True


class NearCopies:
    """Sees the hashes of the inputs of both tables, the training set first or last.

    `time` is the column that says when a row was, where it is an input that may be named so.
    """

    def __init__(self, columns: Sequence[str], *, time: str | None = None) -> None:
        self._columns = tuple(columns)
        self._time = (self._columns.index(time),) if time in self._columns else ()
        sets = _left_out(len(columns)) if len(columns) >= LEAST_COLUMNS else ()
        if sets and self._time:
            sets = tuple(dict.fromkeys([*sets, self._time]))
        self._samples = {left_out: (HashSample(REMEMBERED), HashSample(REMEMBERED)) for left_out in sets}
        self._train_rows = 0

    def see(self, hashes: Mapping[str, Hashes]) -> None:
        """Takes the next rows that are measured."""
        for left_out, rows in self._hashed(hashes):
            self._samples[left_out][0].add(rows)

    def see_train(self, hashes: Mapping[str, Hashes]) -> None:
        """Takes the next rows of the training set."""
        self._train_rows += len(next(iter(hashes.values()), ()))
        for left_out, rows in self._hashed(hashes):
            self._samples[left_out][1].add(rows)

    def altered(self, *, copies: int, rows: int, later: bool = False) -> AlteredRows | None:
        """What is left when `copies` of the `rows` are equal in every input and the label; None where it is chance.

        Of rows that are all `later` than the training rows those alone are copies of which only the time and the label
        differ: the same people have changed in something else.
        """
        most: AlteredRows | None = None
        if not rows or not self._train_rows:
            return None
        for left_out, (test, train) in self._samples.items():
            if later and left_out not in ((), self._time):
                continue
            near = beyond_chance(test, train, copies=copies, rows=rows, train_rows=self._train_rows)
            if near.rows and (most is None or near.rows > most.rows):
                most = AlteredRows(near.rows, tuple(self._columns[place] for place in left_out), exact=near.exact)
        return most

    def _hashed(self, hashes: Mapping[str, Hashes]) -> Iterator[tuple[tuple[int, ...], Hashes]]:
        if not self._samples:
            return
        # A sum of hashes that each know their place: what is left out is taken off again.
        terms = [mix_bits(hashes[name] + np.uint64(place + 1)) for place, name in enumerate(self._columns)]
        total = np.zeros_like(terms[0])
        for term in terms:
            total += term
        for left_out in self._samples:
            remainder = total.copy()
            for place in left_out:
                remainder -= terms[place]
            yield left_out, mix_bits(remainder)


def beyond_chance(
    test: HashSample,
    train: HashSample,
    *,
    copies: int,
    rows: int,
    train_rows: int,
    most: int | None = None,
    moved: Sequence[HashSample] = (),
) -> CountedRows:
    """How many of the `rows` in `test` are in `train` too, beside `copies`; 0 where as many are by chance.

    With `most`, what came more often there is left out, and no more count than rows there were met: where the rows of
    the test are crowded, a few rows of the training set meet many. What any of `moved` meets there, rows of the test
    that are copies no more, is chance too.
    """
    scale = test.scale(train)  # a row that was seen stands for so many
    alike, near = train.alike(), min(test.rows_in(train, most=most), rows) - copies
    if most is not None:
        near = min(near, train.rows_in(test) - copies)
    if alike > _ALIKE * train_rows:
        return CountedRows(0)
    # As many as among the training rows have another one there; or as among these, if more rows meet no more than so
    # many times as many (some values come often).
    by_chance = (alike + _UNSEEN * scale) * rows / train_rows
    if train_rows > rows:
        by_chance = min(by_chance, (test.alike() + _UNSEEN * scale) * train_rows / rows)
    by_chance = max([by_chance, *(sample.rows_in(train, most=most) for sample in moved)])
    return CountedRows(near if near >= _FEWEST * scale + _TIMES * by_chance else 0, exact=scale == 1)


def _left_out(columns: int) -> tuple[tuple[int, ...], ...]:
    """The sets of columns that are left out, by place: none, each part, and every half of the blocks."""
    parts = [tuple(map(int, part)) for part in np.array_split(np.arange(columns), min(columns, _MOST_PARTS))]
    blocks = [tuple(map(int, part)) for part in np.array_split(np.arange(columns), min(columns, _BLOCKS))]
    halves = (sum(chosen, ()) for chosen in combinations(blocks, len(blocks) // 2))
    sets = dict.fromkeys([(), *parts, *halves])
    return tuple(places for places in sets if columns - len(places) >= max(_LEAST_EQUAL, columns / 3))
