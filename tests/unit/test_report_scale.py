"""Places on a line: whatever the values are, a plot puts them in order and shows what it must."""

from __future__ import annotations

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from seatrial.report.plots import interval_plot
from seatrial.report.scale import Scale, scale_over
from seatrial.report.words import number, ticks_text
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.thresholds import margin

fractions = st.floats(0, 1, allow_nan=False)
differences = st.floats(-1, 1, allow_nan=False)
thresholds = st.floats(0.01, 1, allow_nan=False)


def evidence(low: float, estimate: float, high: float, *, claim: Claim, flags: tuple[Flag, ...] = ()) -> Evidence:
    return Evidence(claim, "all", estimate, low, high, 0.95, 100, "clopper-pearson", flags=flags)


@st.composite
def rates(draw: st.DrawFn) -> Evidence:
    low, estimate, high = sorted(draw(st.tuples(fractions, fractions, fractions)))
    return evidence(low, estimate, high, claim=Claim("accuracy"))


@st.composite
def gaps(draw: st.DrawFn) -> Evidence:
    low, estimate, high = sorted(draw(st.tuples(differences, differences, differences)))
    return evidence(low, estimate, high, claim=Claim("accuracy", Family.PAIRS, "sex"))


@given(st.lists(rates() | gaps(), min_size=1, max_size=8))
def test_low_estimate_and_high_are_drawn_in_their_order(found: list[Evidence]) -> None:
    for mark in interval_plot(found).marks:
        assert 0 <= mark.start <= mark.at <= mark.end <= 100


@given(st.lists(rates(), min_size=1, max_size=8), thresholds)
def test_the_threshold_of_a_rate_is_inside_the_drawing_and_the_region_that_passes_ends_there(
    found: list[Evidence], threshold: float
) -> None:
    plot = interval_plot(found, Requirement("accuracy", at_least=threshold))
    assert [0 <= note.at <= 100 for note in plot.thresholds] == [True]
    assert plot.passes is not None
    assert plot.passes.start == plot.thresholds[0].at
    assert math.isclose(plot.passes.start + plot.passes.width, 100)


@given(st.lists(gaps(), min_size=1, max_size=8), thresholds)
def test_a_gap_is_drawn_with_both_thresholds_around_zero(found: list[Evidence], threshold: float) -> None:
    plot = interval_plot(found, Requirement("accuracy", at_most=threshold, gap_between="sex"))
    least, most = (note.at for note in plot.thresholds)
    assert plot.neutral is not None
    assert 0 <= least < plot.neutral < most <= 100
    assert math.isclose(plot.neutral - least, most - plot.neutral)


@given(rates(), thresholds)
def test_where_an_interval_is_drawn_agrees_with_what_is_said_of_it(one: Evidence, threshold: float) -> None:
    requirement = Requirement("accuracy", at_least=threshold)
    plot = interval_plot([one], requirement)
    mark, (line,) = plot.marks[0], (note.at for note in plot.thresholds)
    if mark.stands == "pass":
        assert mark.start >= line
        assert margin(requirement, one) >= 0
    elif mark.stands == "fail":
        assert mark.end <= line
    else:
        assert mark.start <= line <= mark.end


@given(gaps(), thresholds)
def test_a_doubt_is_never_drawn_as_settled(one: Evidence, threshold: float) -> None:
    doubtful = evidence(one.low, one.estimate, one.high, claim=one.claim, flags=(Flag("dependent-rows", "twins"),))
    plot = interval_plot([doubtful], Requirement("accuracy", at_most=threshold, gap_between="sex"))
    assert plot.marks[0].stands == "inconclusive"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_value_never_stands_further_left(low: float, span: float, first: float, second: float) -> None:
    scale = Scale(low, low + span)
    assume(scale.high > scale.low)
    smaller, larger = sorted((first, second))
    assert scale.percent(low + smaller * span) <= scale.percent(low + larger * span)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_every_value_gets_a_place_that_is_not_cut_off(values: list[float]) -> None:
    scale = scale_over(values)
    assert scale.low < scale.high
    assert all(scale.low <= value <= scale.high for value in values)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_ticks_are_few_inside_even_and_told_apart_by_their_labels(low: float, span: float) -> None:
    scale = Scale(low, low + span)
    ticks = scale.ticks()
    assert len(ticks) <= 5
    tolerance = span * 1e-6
    assert all(scale.low - tolerance <= tick <= scale.high + tolerance for tick in ticks)
    assert len(set(ticks_text(ticks))) == len(ticks)


def test_zero_has_no_sign_and_minus_is_a_minus() -> None:
    assert number(-0.0001) == "0.000"
    assert number(-0.25, signed=True) == "−0.250"
    assert number(0.25, signed=True) == "+0.250"
    assert ticks_text((-0.1, 0.0, 0.05)) == ("−0.10", "0", "0.05")
