"""Samples: what is kept of a row, what bounds it, and that answering never hears of the store's trouble."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.errors import InputError, StoreError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.formats.request_columns import Question, Reply
from seatrial.serve.sampling.sampler import QUEUE_BYTES, ROW_BYTES, Sampler

LIMIT_S = 60.0
SIGNATURE = Signature(
    (Column("age", "number"), Column("sex", "text"), Column("member", "boolean")), "binary", ("no", "yes"), "yes"
)


@dataclass
class Kept:
    """A store in memory, which may be away or slow."""

    files: dict[str, bytes] = field(default_factory=dict)
    away: bool = False
    slow: threading.Event | None = None

    def put(self, key: str, content: bytes) -> None:
        if self.slow is not None:
            self.slow.wait(30)
        if self.away:
            raise StoreError("the store does not answer.")
        self.files[key] = content

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [
            row
            for content in self.files.values()
            for row in pyarrow.parquet.read_table(pa.BufferReader(content)).to_pylist()
        ]


def question(rows: int, request_id: str = "r", *, text: str = "f") -> Question:
    columns = {
        "age": np.array([np.nan, *range(1, rows)], np.float64),
        "sex": np.array([text] * rows, object),
        "member": np.ones(rows),
    }
    return Question(columns, rows, lambda _predictions: Reply(b""), request_id)


def answers(rows: int) -> Predictions:
    shares = np.arange(rows) / max(rows, 1)
    return Predictions(np.array(["no"] * rows, object), np.stack([1 - shares, shares], axis=1))


def sampler(store: Kept, **options: Any) -> Sampler:
    options = {"share": 1.0, "release": "sha256:abc", "prefix": "samples/m/1/", **options}
    return Sampler(store, SIGNATURE, **options)


def test_a_row_is_kept_with_its_answer_request_place_release_and_time() -> None:
    store = Kept()
    kept = sampler(store, clock=lambda: 1_700_000_000.5)
    kept.ran([question(2, "first"), question(1, "second")], answers(3))
    kept.close(LIMIT_S)
    assert next(iter(store.files)).startswith("samples/m/1/2023-11-14/221320-")
    by_place = {(row["request_id"], row["row"]): row for row in store.rows}
    assert by_place.keys() == {("first", 0), ("first", 1), ("second", 0)}
    assert [by_place[place]["age"] for place in sorted(by_place)] == [None, 1.0, None]
    last = by_place["second", 0]
    assert (last["sex"], last["member"], last["release"], last["predicted"]) == ("f", True, "sha256:abc", "no")
    assert last["probability=yes"] == pytest.approx(2 / 3)
    assert last["time"].timestamp() == 1_700_000_000.5
    assert kept.counts == {"written": 3}


def test_columns_that_must_not_be_kept_are_not() -> None:
    store = Kept()
    kept = sampler(store, without=["sex"])
    kept.ran([question(1)], answers(1))
    kept.close(LIMIT_S)
    assert "sex" not in store.rows[0]
    with pytest.raises(InputError, match="does not have an input 'sexx'"):
        sampler(store, without=["sexx"])


def test_an_input_with_the_name_of_a_samples_own_column_must_be_left_out() -> None:
    signature = Signature((Column("time", "number"),), "regression")
    with pytest.raises(InputError, match="sample's own column"):
        Sampler(Kept(), signature, share=1.0, release="", prefix="")
    Sampler(Kept(), signature, share=1.0, release="", prefix="", without=["time"]).close(LIMIT_S)


def test_the_share_is_drawn_row_by_row() -> None:
    store = Kept()
    kept = sampler(store, share=0.1, rows_a_second=1e6, chance=random.Random(7))
    kept.ran([question(5000)], answers(5000))
    kept.close(LIMIT_S)
    assert 400 < len(store.rows) < 600


def test_more_rows_a_second_than_the_limit_are_dropped_and_counted() -> None:
    moment = [0.0]
    store = Kept()
    kept = sampler(store, rows_a_second=2.0, clock=lambda: moment[0])
    kept.ran([question(50)], answers(50))
    moment[0] = 1.0
    kept.ran([question(50)], answers(50))
    kept.close(LIMIT_S)
    assert kept.counts == {"written": 22, "dropped": 78}  # ten seconds' worth at once, then two a second


def test_what_is_kept_of_a_large_request_is_not_its_beginning() -> None:
    store = Kept()
    kept = sampler(store, rows_a_second=10.0, clock=lambda: 0.0, chance=random.Random(7))
    kept.ran([question(5000)], answers(5000))
    kept.close(LIMIT_S)
    places = sorted(row["row"] for row in store.rows)
    assert len(places) == 100
    assert 1500 < sum(places) / 100 < 3500  # the mean of 100 of 5,000 at random, within seven standard errors


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert holds()


def test_a_store_that_is_away_costs_the_rows_alone() -> None:
    store = Kept(away=True)
    kept = sampler(store, file_s=0.05)
    kept.ran([question(3)], answers(3))
    eventually(lambda: kept.counts["failed"] == 3)
    store.away = False
    kept.ran([question(2)], answers(2))
    eventually(lambda: kept.counts["written"] == 2)
    kept.close(LIMIT_S)


def test_a_slow_store_fills_the_queue_and_no_more() -> None:
    store = Kept(slow=threading.Event())
    kept = sampler(store, file_s=0.01, rows_a_second=1e6)
    text = "x" * (ROW_BYTES - 1000)
    count = QUEUE_BYTES // ROW_BYTES
    for _ in range(2 * count):
        kept.ran([question(1, text=text)], answers(1))
    assert abs(kept.counts["dropped"] - count) < count / 10
    assert store.slow is not None
    store.slow.set()
    kept.close(LIMIT_S)
    assert kept.counts["written"] + kept.counts["dropped"] == 2 * count


def test_a_row_with_long_texts_is_dropped() -> None:
    kept = sampler(Kept())
    kept.ran([question(1, text="x" * ROW_BYTES)], answers(1))
    kept.close(LIMIT_S)
    assert kept.counts == {"dropped": 1}


def test_rows_that_cannot_be_sampled_do_not_fail_the_answer() -> None:
    kept = sampler(Kept())
    kept.ran([Question({}, 1, lambda _predictions: Reply(b""))], answers(1))
    kept.close(LIMIT_S)
