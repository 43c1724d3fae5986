"""Where a falling function reaches zero: the search that every inverted test needs."""

from __future__ import annotations

from collections.abc import Callable

RESOLVED = 1e-12  # of the range: how near the crossing is found
_MOST_STEPS = 200  # bisection alone takes 40


def last_nonnegative(falling: Callable[[float], float], start: float, end: float) -> float:
    """The place nearest to `end` up to which `falling` is seen not to be negative; `start` where it never is.

    `falling` falls from `start` to `end`, in whichever direction. Bracketing with inverse quadratic steps where they
    are safe (Chandrupatla 1997, "A new hybrid quadratic/bisection algorithm"): about half of bisection's steps. The
    place returned is one at which the function was computed, so an inverted test has rejected there.
    """
    newest, opposite = (start, falling(start)), (end, falling(end))
    if newest[1] < 0:
        return start
    if opposite[1] >= 0:
        return end
    step = 0.5
    for _ in range(_MOST_STEPS):
        place = newest[0] + step * (opposite[0] - newest[0])
        point = (place, falling(place))
        if (point[1] < 0) == (newest[1] < 0):
            dropped = newest
        else:
            dropped, opposite = opposite, newest
        newest = point
        nearest = RESOLVED * abs(end - start) / abs(opposite[0] - newest[0])
        if nearest > 0.5:
            break
        step = min(max(_step(newest, opposite, dropped), nearest), 1 - nearest)
    return newest[0] if newest[1] >= 0 else opposite[0]


def _step(newest: tuple[float, float], opposite: tuple[float, float], dropped: tuple[float, float]) -> float:
    """How far to go from the newest place to the other: by the inverse quadratic through three, else half the way."""
    (x1, f1), (x2, f2), (x3, f3) = newest, opposite, dropped
    if f3 in (f1, f2):
        return 0.5
    along, share = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
    if not (share**2 < along and (1 - share) ** 2 < 1 - along):
        return 0.5
    return f1 / (f2 - f1) * f3 / (f2 - f3) + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
