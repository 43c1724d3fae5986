"""Fresh draws of the planted cases: draw 0 is the self-test's own, the same every time."""

from __future__ import annotations

Seed = int | tuple[int, int]


def seed_of(stream: int, draw: int) -> Seed:
    """The seed of one stream of random numbers in a draw, for NumPy's `default_rng`."""
    return stream if draw == 0 else (stream, draw)
