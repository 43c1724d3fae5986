"""What limits a reader: who is charged for the time that its caller waits, in schedules whose answer is known."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.batches.telemetry.reader_stats import Clock, Stats, progress_line

FETCHERS, MAKERS = 8, 4


@dataclass
class Played:
    """A clock whose time is set by hand, and intervals of what goes on, played in the order of their edges."""

    time: float = 100.0  # whatever it starts from
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(FETCHERS, MAKERS, epoch=3, rows=1000, delivered=0, now=lambda: self.time)
        self.clock.start()

    def play(self, **spans: list[tuple[float, float]]) -> Stats:
        """Plays `fetching`, `making` and `waiting` from when to when, counted from the moment of the call."""
        began = self.time
        edges = [
            edge
            for kind, several in spans.items()
            for number, (start, stop) in enumerate(several)
            for edge in ((start, 1, kind, number), (stop, 0, kind, number))
        ]
        under_way: dict[tuple[str, int], ExitStack] = {}
        for at, begins, kind, number in sorted(edges):
            self.time = began + at
            if not begins:
                under_way.pop((kind, number)).close()
                continue
            block = {
                "fetching": lambda: self.clock.fetching(1000),
                "making": self.clock.making,
                "waiting": self.clock.waiting,
            }[kind]()
            under_way[kind, number] = ExitStack()
            under_way[kind, number].enter_context(block)
        return self.clock.read()

    def first_batch(self, after_s: float = 0.01) -> Stats:
        """A start-up that says nothing of what comes later."""
        self.play(waiting=[(0.0, after_s)])
        self.clock.delivered(10, 10)
        return self.clock.read()


def every(period: float, from_s: float, to_s: float, *, lasts: float) -> list[tuple[float, float]]:
    """Spans of one length, one each period."""
    count = round((to_s - from_s) / period)
    return [(from_s + one * period, from_s + one * period + lasts) for one in range(count)]


def test_nothing_is_named_before_the_first_batch() -> None:
    played = Played()
    assert played.clock.read().bottleneck is None
    stats = played.play(fetching=[(0, 5)], waiting=[(0, 5)])
    assert (stats.seconds, stats.starting_s, stats.waited_s) == (5, 5, 5)
    assert stats.bottleneck is None
    assert str(stats) == "epoch 3: 0 % read, starting, 0.0 MB/s"


def test_nothing_is_named_where_no_time_went_by() -> None:
    stats = Played().first_batch()
    assert stats.since(stats).bottleneck is None


def test_a_wait_or_a_request_that_is_under_way_counts_already() -> None:
    played = Played()
    before = played.first_batch()
    with played.clock.fetching(1000), played.clock.waiting():
        played.time += 20
        stalled = played.clock.read().since(before)
    assert (stalled.waited_s, stalled.fetching_s, stalled.requests) == (20, 20, 0)
    assert stalled.bottleneck == "wire"


def test_who_waits_now_and_then_for_the_next_window_is_busy_itself() -> None:
    played = Played()
    before = played.first_batch()
    stats = played.play(fetching=[(0, 10)], waiting=every(1.0, 0, 10, lasts=0.03))
    assert stats.since(before).bottleneck == "trainer"


def test_a_window_at_a_time_is_limited_by_the_longer_part_of_it() -> None:
    """Memory for one window of one range and one row group: seven fetchers and three makers never have work."""
    for fetching_s, making_s, expected in ((0.05, 0.04, "wire"), (0.04, 0.05, "decode")):
        played = Played()
        played.first_batch()
        period = fetching_s + making_s
        stats = played.play(
            fetching=every(period, 0, 20 * period, lasts=fetching_s),
            making=every(period, fetching_s, fetching_s + 20 * period, lasts=making_s),
            waiting=[(0, 20 * period)],
        )
        assert stats.bottleneck == expected


def test_makers_that_keep_up_are_not_the_bottleneck_although_mostly_at_work() -> None:
    """A window every 25 ms from a wire that is never idle, 40 ms of decoding each: two makers, at work 80 %."""
    played = Played()
    played.first_batch()
    stats = played.play(fetching=[(0, 10)], making=every(0.025, 0.025, 10, lasts=0.04), waiting=[(0, 10)])
    assert stats.bottleneck == "wire"


def test_a_trickle_of_requests_behind_a_full_memory_is_not_the_bottleneck() -> None:
    """All makers always at work; a range is asked for whenever a window is given back, and takes its latency."""
    played = Played()
    played.first_batch()
    played.play(fetching=[(0, 0.1)] * FETCHERS, waiting=[(0, 0.1)])
    stats = played.play(
        fetching=every(0.02, 0, 10, lasts=0.05), making=[(0, 10)] * MAKERS, waiting=every(0.01, 0, 10, lasts=0.009)
    )
    assert stats.bottleneck == "decode"


def test_gathering_by_few_of_many_makers_is_the_bottleneck_where_the_wire_has_time() -> None:
    """Row groups are decoded by all at once, batches as large as the queue are gathered one at a time."""
    played = Played()
    played.first_batch()
    stats = played.play(
        fetching=every(1.0, 0, 10, lasts=0.4) * FETCHERS,
        making=[*every(1.0, 0, 10, lasts=0.05) * MAKERS, *every(1.0, 0.05, 10.05, lasts=0.95)],
        waiting=[(0, 10)],
    )
    assert stats.bottleneck == "decode"


def test_what_limits_now_may_differ_from_what_limited_so_far() -> None:
    played = Played()
    played.first_batch()
    slow = played.play(fetching=[(0, 60)], waiting=[(0, 60)])
    assert slow.bottleneck == "wire"
    played.time += 5  # the trainer's
    now = played.clock.read()
    assert (now.bottleneck, now.since(slow).bottleneck) == ("wire", "trainer")


def test_a_start_up_counts_only_where_it_took_longer_than_the_rest() -> None:
    played = Played()
    played.play(making=[(0, 2)], waiting=[(0, 2)])
    played.clock.delivered(500, 500)
    played.time += 1
    assert played.clock.read().bottleneck == "decode"
    played.time += 2
    assert played.clock.read().bottleneck == "trainer"


def test_a_rank_that_waits_for_the_others_is_busy_and_the_slow_one_names_why() -> None:
    """In step: each batch is trained on when every rank has it, so all but the slowest find theirs ready."""
    quick, slow = Played(), Played()
    for played in (quick, slow):
        played.first_batch()
    quick.time += 10
    slow.play(fetching=[(0, 10)], waiting=every(0.1, 0, 10, lasts=0.08))
    assert (quick.clock.read().bottleneck, slow.clock.read().bottleneck) == ("trainer", "wire")


def test_time_stands_still_when_a_reader_has_ended() -> None:
    played = Played()
    played.first_batch()
    with played.clock.making():
        played.time += 1
        played.clock.stop()
        ended = played.clock.read()
        played.time += 1
    assert played.clock.read() == ended


def test_an_epoch_is_at_100_percent_when_it_is_and_not_before() -> None:
    assert progress_line(3, 0.9999, 0.0, 0.0, "trainer").startswith("epoch 3: 99 % read, the trainer is busy, ")
    assert progress_line(0, 1.0, 0.0, 0.0, "wire").startswith("epoch 0: 100 % read, waiting for the wire, ")


@pytest.mark.parametrize(
    ("rows", "written"),
    [(0.0, "0"), (999.4, "999"), (1000.0, "1.0k"), (14_400.0, "14k"), (999_600.0, "1,000k"), (6_430_000.0, "6.4M")],
)
def test_rates_are_told_in_about_three_digits(rows: float, written: str) -> None:
    assert progress_line(0, 0.5, rows, 1055e6, "wire").endswith(f", {written} rows/s, 1,055 MB/s")
    assert progress_line(0, 0.5, rows, 4.23e6, "wire").endswith(", 4.2 MB/s")


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=8)
WAITS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=8)


@given(SPANS, SPANS, WAITS)
def test_times_are_the_lengths_of_what_went_on_and_no_wait_is_charged_twice(
    fetching: list[tuple[int, int]], making: list[tuple[int, int]], waits: list[tuple[int, int]]
) -> None:
    played = Played()
    waiting: list[tuple[float, float]] = []
    for pause, length in waits:
        start = (waiting[-1][1] if waiting else 0) + pause
        waiting.append((start, start + length))
    stats = played.play(
        fetching=[(start, start + length) for start, length in fetching],
        making=[(start, start + length) for start, length in making],
        waiting=waiting,
    )
    assert stats.fetching_s == pytest.approx(sum(length for _, length in fetching))
    assert stats.making_s == pytest.approx(sum(length for _, length in making))
    assert stats.waited_s == pytest.approx(sum(length for _, length in waits))
    assert stats.waited_for_wire_s + stats.waited_for_decode_s <= stats.waited_s + 1e-9
    assert stats.fetched_bytes == 1000 * stats.requests == 1000 * len(fetching)
