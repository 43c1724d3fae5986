"""From values to places on a line: the arithmetic behind every plot of the report. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_PADDING = 0.06  # of the span, on each side, so that no mark touches the frame
_LEAST_SPAN = 1e-6  # a family of equal values still gets a drawable range
_TICK_STEPS = (1.0, 2.0, 5.0, 10.0)  # times a power of ten: what people read without thinking


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values drawn from left (0 %) to right (100 %)."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Where `value` stands, in percent of the width; what lies outside is put on the edge."""
        share = (value - self.low) / (self.high - self.low)
        return 100.0 * min(1.0, max(0.0, share))

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """At most `most` round values within the range, evenly spaced, zero among them where it lies inside."""
        raw = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(raw))
        for factor in (*_TICK_STEPS, 20.0, 50.0):  # the last two: rounding at both ends may admit one tick too many
            step = factor * power
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            if last - first + 1 <= most:
                return tuple(count * step for count in range(first, last + 1))
        return ()


def scale_over(values: Iterable[float], *, least: float | None = None, most: float | None = None) -> Scale:
    """The scale that shows all `values` with some air around them, but nothing below `least` or above `most`.

    `least` and `most` are the ends of what the quantity can be (a rate: 0 and 1).
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    air = max(high - low, _LEAST_SPAN) * _PADDING
    low, high = low - air, high + air
    if least is not None:
        low = min(max(low, least), min(finite, default=least))
    if most is not None:
        high = max(min(high, most), max(finite, default=most))
    return Scale(low, high) if high - low >= _LEAST_SPAN else Scale(low - _LEAST_SPAN, high + _LEAST_SPAN)
