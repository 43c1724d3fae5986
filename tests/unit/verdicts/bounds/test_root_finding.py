import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.verdicts.bounds.root_finding import RESOLVED, last_nonnegative


@given(st.floats(0.001, 0.999), st.floats(0.2, 5), st.booleans())
def test_it_is_found_from_either_side_and_never_passed(place: float, power: float, mirrored: bool) -> None:
    def falling(x: float) -> float:
        distance = (x - place) if mirrored else (place - x)
        return math.copysign(abs(distance) ** power, distance)

    found = last_nonnegative(falling, 1.0 if mirrored else 0.0, 0.0 if mirrored else 1.0)
    assert falling(found) >= 0
    assert found == pytest.approx(place, abs=2 * RESOLVED)


def test_it_takes_half_of_bisections_steps() -> None:
    asked: list[float] = []

    def falling(x: float) -> float:
        asked.append(x)
        return 1e6 * math.log1p((0.3 - x) / (1 + x))

    last_nonnegative(falling, 0.0, 1.0)
    assert len(asked) < 20


@pytest.mark.parametrize(("level", "place"), [(-1.0, 0.0), (1.0, 1.0)])
def test_without_a_crossing_it_is_the_end_that_is_right(level: float, place: float) -> None:
    assert last_nonnegative(lambda _: level, 0.0, 1.0) == place


def test_a_step_down_is_found_too() -> None:
    assert last_nonnegative(lambda x: 1.0 if x <= 0.125 else -7.0, 0.0, 1.0) == pytest.approx(0.125, abs=1e-11)
