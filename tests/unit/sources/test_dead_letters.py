"""The dead-letter table is taken over by a run that still has the table of the rows, and by no other."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from seatrial.errors import StepFailed
from seatrial.sources.kafka import dead_letters
from seatrial.sources.kafka.dead_letters import DEAD_LETTER, DeadLetters, dead_letters_of
from seatrial.sources.kafka.mark import Mark

MARK = Mark("orders", "id", "run", {0: 0}, {0: 0}, {0: 7})


class Recorder:
    """A table that writes down what is done to it, and the checks between."""

    def __init__(self, *, exists: bool, overtaken_at_check: int | None = None) -> None:
        self.done: list[str] = []
        self.exists = exists
        self.schema = DEAD_LETTER
        self._overtaken_at = overtaken_at_check

    def check(self) -> None:
        if self.done.count("check") + 1 == self._overtaken_at:
            raise StepFailed("overtaken.", path="orders")
        self.done.append("check")

    def create(self, _: object) -> None:
        self.exists = True
        self.done.append("create")

    def claim(self) -> None:
        self.done.append("claim")

    def delete_behind(self, _: Mark) -> None:
        self.done.append("delete")

    def append(self, *_: object, **_more: object) -> int:
        self.done.append("append")
        return 1


def letters(monkeypatch: pytest.MonkeyPatch, table: Recorder) -> DeadLetters:
    monkeypatch.setattr(dead_letters, "IngestTable", lambda *_: table)
    monkeypatch.setattr(dead_letters, "spark_schema", lambda schema: schema)
    nothing: Any = None
    return DeadLetters(nothing, "shop.orders", "orders", "run", check=table.check)


def append(run: DeadLetters) -> None:
    nothing: Any = None
    run.append(nothing, before=MARK, after=MARK)


def test_a_table_that_is_there_is_claimed_when_the_run_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Recorder(exists=True)
    run = letters(monkeypatch, table)
    run.begin(MARK)
    assert table.done == ["check", "claim", "check", "delete"]
    append(run)
    assert table.done[4:] == ["append"]


def test_a_table_that_is_not_there_is_made_for_the_first_bad_record(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Recorder(exists=False)
    run = letters(monkeypatch, table)
    run.begin(MARK)
    append(run)
    assert table.done == ["create", "check", "claim", "check", "delete", "append"]


def test_an_overtaken_run_does_not_take_the_table_back(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Recorder(exists=False, overtaken_at_check=1)
    run = letters(monkeypatch, table)
    run.begin(MARK)
    table.exists = True  # the later run made it
    with pytest.raises(StepFailed, match="overtaken"):
        append(run)
    assert table.done == []


def test_a_run_that_is_overtaken_while_it_claims_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Recorder(exists=True, overtaken_at_check=2)
    run = letters(monkeypatch, table)
    with pytest.raises(StepFailed, match="overtaken"):
        run.begin(MARK)
    assert table.done == ["check", "claim"]


def test_a_number_beyond_every_decimal_is_a_dead_letter() -> None:
    values = [b'{"x": 1.5}', b'{"x": 1e9999999999999999999}']
    columns: dict[str, pa.Array[Any]] = {
        "topic": pa.array(["orders"] * 2),
        "partition": pa.array([0, 0], pa.int32()),
        "offset": pa.array([3, 4]),
        "timestamp": pa.array([0, 0], pa.timestamp("us", tz="UTC")),
        "key": pa.array([None, None], pa.binary()),
        "value": pa.array(values, pa.binary()),
    }
    schema = pa.schema([pa.field("x", pa.decimal128(10, 2))])
    read = dead_letters_of(schema)(iter([pa.RecordBatch.from_pydict(columns)]))
    assert [(row["offset"], row["value"]) for batch in read for row in batch.to_pylist()] == [(4, values[1])]
