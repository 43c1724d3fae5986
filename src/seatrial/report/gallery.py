"""Pictures of what an attacker made of an image, drawn as runs of equal pixels. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.verdicts.example_images import CONDITION, Example, read_examples

_LEVELS = 16  # shades that are told apart: a drawing of runs stays small
_TOP = 255
_GREY = 128


@dataclass(frozen=True, slots=True)
class Shade:
    """All pixels of one colour, as the path of their runs."""

    colour: str
    runs: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, what was changed, and what became of it."""

    height: int
    width: int
    label: str
    answer: str
    attack: str
    drawings: tuple[tuple[str, tuple[Shade, ...]], ...]  # what each shows


def pictures(conditions: Mapping[str, str]) -> tuple[Picture, ...]:
    """The examples that the evidence holds; none where it holds none, or none that can be read."""
    return tuple(_picture(example) for example in read_examples(conditions.get(CONDITION, "")))


def _picture(example: Example) -> Picture:
    before, after = (np.asarray(each, dtype=np.int64) for each in (example.before, example.after))
    changed = np.clip(_GREY + (after - before), 0, _TOP)
    height, width = before.shape[:2]
    drawn = (("as it is", before), ("what was changed", changed), ("attacked", after))
    return Picture(
        height,
        width,
        example.label,
        example.answer,
        example.attack,
        tuple((what, _shades(each)) for what, each in drawn),
    )


def _shades(image: NDArray[np.int64]) -> tuple[Shade, ...]:
    """Every row's runs of one colour, by colour."""
    colours = image if image.ndim > 2 else image[:, :, None]
    rounded = np.round(np.round(colours / _TOP * (_LEVELS - 1)) / (_LEVELS - 1) * _TOP).astype(np.int64)
    runs: dict[str, list[str]] = {}
    for y, row in enumerate(rounded):
        for start, length, pixel in _runs(row):
            runs.setdefault(_colour(pixel), []).append(f"M{start} {y}.5h{length}")
    return tuple(Shade(colour, "".join(each)) for colour, each in runs.items())


def _runs(row: NDArray[np.int64]) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    starts = [0, *(place for place in range(1, len(row)) if (row[place] != row[place - 1]).any())]
    for start, end in zip(starts, [*starts[1:], len(row)], strict=True):
        yield start, end - start, row[start]


def _colour(pixel: NDArray[np.int64]) -> str:
    red, green, blue = (int(pixel[min(place, len(pixel) - 1)]) for place in range(3))
    return f"#{red:02x}{green:02x}{blue:02x}"
