"""Marks: what a commit says of a topic's offsets, and when a topic cannot be gone on with."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import Corrupt, StepFailed
from seatrial.sources.kafka.ingest import IngestJob, start_mark
from seatrial.sources.kafka.mark import Mark, logged_offsets, read_mark, start_problem
from seatrial.sources.kafka.topic import TopicOffsets

MARK = Mark("orders", "id-1", "run-1", begin={0: 5, 1: 0}, since={0: 10, 1: 3}, to={0: 20, 1: 7})
OFFSETS = st.dictionaries(st.integers(0, 5), st.integers(0, 2**62))


@given(st.text(), OFFSETS, OFFSETS, OFFSETS)
def test_a_mark_is_read_as_it_was_written(
    topic: str, begin: dict[int, int], since: dict[int, int], to: dict[int, int]
) -> None:
    mark = Mark(topic, "id", "run", begin, since, to)
    assert read_mark(mark.to_json(), where="here") == mark


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"topic": "a", "begin": 3}'])
def test_a_mark_that_somebody_changed_is_refused(text: str) -> None:
    with pytest.raises(Corrupt, match="cannot be read"):
        read_mark(text, where="shop.orders")


def test_a_batch_begins_where_the_one_before_ended_and_a_new_partition_at_its_own_beginning() -> None:
    after = MARK.advanced({0: 30, 1: 7, 2: 44}, run="run-2", earliest={0: 0, 1: 0, 2: 40})
    assert (after.run, after.begin) == ("run-2", {0: 5, 1: 0, 2: 40})
    assert (after.since, after.to) == ({0: 20, 1: 7, 2: 40}, {0: 30, 1: 7, 2: 44})


def test_the_end_of_a_batch_is_read_from_sparks_log() -> None:
    log = 'v1\n{"batchWatermarkMs":0}\n{"my.topic":{"0":12,"10":3}}'
    assert logged_offsets(log, "my.topic") == {0: 12, 10: 3}
    with pytest.raises(StepFailed, match="unknown form"):
        logged_offsets(log.replace("v1", "v2"), "my.topic")


@pytest.mark.parametrize(
    ("topic_id", "earliest", "latest", "problem"),
    [
        ("id-1", {0: 20, 1: 7}, {0: 20, 1: 7}, None),
        ("id-1", {0: 0, 1: 0, 2: 0}, {0: 99, 1: 99, 2: 9}, None),
        ("id-2", {0: 0, 1: 0}, {0: 99, 1: 99}, "deleted and made again"),
        ("id-1", {0: 0}, {0: 99}, "partition 1 is gone"),
        ("id-1", {0: 21, 1: 0}, {0: 99, 1: 99}, "the offsets 20 to 20 of partition 0 were removed"),
        ("id-1", {0: 0, 1: 0}, {0: 19, 1: 99}, "partition 0 ends at offset 19, and the table has it up to 20"),
    ],
)
def test_a_topic_is_gone_on_with_where_no_record_is_missing(
    topic_id: str, earliest: dict[int, int], latest: dict[int, int], problem: str | None
) -> None:
    error = start_problem(MARK, topic_id=topic_id, earliest=earliest, latest=latest)
    assert (error is None) == (problem is None)
    assert problem is None or problem in str(error)
    assert json.loads(MARK.to_json())["topic"] == "orders"


def test_a_run_goes_on_behind_lost_records_only_where_that_is_accepted() -> None:
    offsets = TopicOffsets("id-1", {0: 25, 1: 0, 2: 4}, {0: 99, 1: 99, 2: 99})
    with pytest.raises(StepFailed, match="were removed"):
        start_mark(MARK, offsets, IngestJob("orders", "shop.orders"), "run-2")
    behind = start_mark(MARK, offsets, IngestJob("orders", "shop.orders", accept_loss=True), "run-2")
    assert (behind.to, behind.begin) == ({0: 25, 1: 7, 2: 4}, {0: 5, 1: 0, 2: 4})
    first = start_mark(None, offsets, IngestJob("orders", "shop.orders"), "run-2")
    assert (first.begin, first.to) == (offsets.earliest, offsets.earliest)
