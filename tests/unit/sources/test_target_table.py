"""Runs of one topic side by side on a table: the later one's claim holds, whatever the earlier one has in hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.errors import StepFailed
from seatrial.sources.kafka import target_table
from seatrial.sources.kafka.mark import CLAIM, Mark
from seatrial.sources.kafka.target_table import IngestTable, TableMoved


class Snapshot:
    def __init__(self, number: int, parent: int | None, summary: dict[str, str]) -> None:
        self.number, self.parent, self._summary = number, parent, summary

    def snapshotId(self) -> int:
        return self.number

    def parentId(self) -> int | None:
        return self.parent

    def summary(self) -> dict[str, str]:
        return self._summary


class Append:
    def __init__(self, table: Table) -> None:
        self._table, self._summary = table, dict[str, str]()

    def set(self, key: str, value: str) -> Append:
        self._summary[key] = value
        return self

    def commit(self) -> None:
        self._table.append("main", self._summary)


class Transaction:
    """Properties and a fast-forward, all or none."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._properties: dict[str, str] = {}
        self._branch = ""

    def updateProperties(self) -> Transaction:
        return self

    def manageSnapshots(self) -> Transaction:
        return self

    def set(self, key: str, value: str) -> Transaction:
        self._properties[key] = value
        return self

    def fastForwardBranch(self, _main: str, branch: str) -> Transaction:
        self._branch = branch
        return self

    def commit(self) -> None:
        pass

    def commitTransaction(self) -> None:
        heads, behind = self._table.heads, self._table.heads[self._branch]
        while behind != heads["main"]:
            if (parent := self._table.snapshot(behind).parent) is None:
                raise RuntimeError("main is not an ancestor of it")
            behind = parent
        heads["main"] = heads[self._branch]
        self._table.marks |= self._properties


class Branches:
    """Changes of branches, of which the next `conflicts` fail."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._change: Callable[[], object] = lambda: None

    def createBranch(self, name: str, snapshot: int) -> Branches:
        self._change = lambda: self._table.heads.__setitem__(name, snapshot)
        return self

    def replaceBranch(self, name: str, snapshot: int) -> Branches:
        return self.createBranch(name, snapshot)

    def removeBranch(self, name: str) -> Branches:
        self._change = lambda: self._table.heads.pop(name)
        return self

    def setMaxRefAgeMs(self, _name: str, _age: int) -> Branches:
        return self

    def commit(self) -> None:
        if self._table.conflicts:
            self._table.conflicts -= 1
            raise RuntimeError("CommitFailedException: the table has changed")
        self._change()


class Table:
    """What these tests need of Iceberg's table."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._snapshots: dict[int, Snapshot] = {}
        self.heads: dict[str, int] = {}
        self.marks: dict[str, str] = {}
        self.conflicts = 0

    def append(self, branch: str, summary: dict[str, str]) -> None:
        """As Iceberg does it: a branch that is gone is made again, on top of the table's newest snapshot."""
        number = next(self._numbers)
        self._snapshots[number] = Snapshot(number, self.heads.get(branch, self.heads.get("main")), summary)
        self.heads[branch] = number

    def expire(self) -> None:
        """All but the newest snapshots of the branches."""
        self._snapshots = {number: self._snapshots[number] for number in self.heads.values()}

    def history(self) -> list[dict[str, str]]:
        summaries, number = [], self.heads.get("main")
        while number in self._snapshots:
            summaries.append(self._snapshots[number].summary())
            number = self._snapshots[number].parent
        return summaries

    def newAppend(self) -> Append:
        return Append(self)

    def newTransaction(self) -> Transaction:
        return Transaction(self)

    def manageSnapshots(self) -> Branches:
        return Branches(self)

    def snapshots(self) -> list[Snapshot]:
        return list(self._snapshots.values())

    def snapshot(self, number: int) -> Any:
        return self._snapshots.get(number)

    def currentSnapshot(self) -> Any:
        return self.snapshot(self.heads.get("main", 0))

    def properties(self) -> dict[str, str]:
        return self.marks

    def refs(self) -> dict[str, Any]:
        return {name: SimpleNamespace(snapshotId=lambda number=number: number) for name, number in self.heads.items()}


class Frame:
    """Rows that are appended; `beside` runs while they are."""

    def __init__(self, table: Table, beside: Callable[[], object] = lambda: None) -> None:
        self._table, self._beside = table, beside
        self._branch, self._summary = "", dict[str, str]()

    def writeTo(self, name: str) -> Frame:
        self._branch = name.rpartition("branch_")[2].strip("`")
        return self

    def option(self, key: str, value: str) -> Frame:
        self._summary[key.removeprefix("snapshot-property.")] = value
        return self

    def append(self) -> None:
        self._beside()
        self._table.append(self._branch, {**self._summary, "added-records": "5"})


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    table = Table()
    monkeypatch.setattr(target_table, "quoted_name", lambda _spark, name: name)
    monkeypatch.setattr(IngestTable, "_load", lambda _self: table)
    monkeypatch.setattr("seatrial.sources.kafka.target_table.time.sleep", lambda _seconds: None)
    return table


def run_of(name: str, topic: str = "orders") -> IngestTable:
    spark: Any = SimpleNamespace(_jvm=SimpleNamespace(org=SimpleNamespace(apache=SimpleNamespace(iceberg=None))))
    return IngestTable(spark, "shop.orders", topic, name)


def mark(run: str, to: int, topic: str = "orders") -> Mark:
    return Mark(topic, "id", run, {0: 0}, {0: to - 5}, {0: to})


def commit(run: IngestTable, table: Table, to: int, beside: Callable[[], object] = lambda: None) -> None:
    run.write(Frame(table, beside), mark(run.run, to))
    run.publish(mark(run.run, to))


def test_a_run_that_is_overtaken_while_it_appends_publishes_nothing(table: Table) -> None:
    first, second = run_of("first"), run_of("second")
    first.claim()
    commit(first, table, 5)
    with pytest.raises(StepFailed, match="another run began to ingest"):
        commit(first, table, 10, second.claim)
    assert table.history()[0][CLAIM] == "second orders"
    assert list(table.heads) == ["main"]  # the branch that the append made again is gone
    commit(second, table, 10)
    assert second.mark() == mark("second", 10)


def test_a_branch_on_a_snapshot_that_the_run_never_looked_at_is_not_published(table: Table) -> None:
    run = run_of("first")
    run.claim()

    def lose_the_branch() -> None:
        del table.heads["ingest-first"]
        table.append("main", {"by": "somebody else"})

    with pytest.raises(TableMoved):
        run.write(Frame(table, lose_the_branch), mark("first", 5))
    commit(run, table, 5)
    assert run.mark() == mark("first", 5)


def test_the_branch_of_an_earlier_run_stays_until_the_table_is_claimed(table: Table) -> None:
    first, second = run_of("first"), run_of("second")
    first.claim()
    commit(first, table, 5)

    def refuse() -> Append:
        raise RuntimeError("the catalog is down")

    table.newAppend = refuse  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        second.claim()
    assert "ingest-first" in table.heads
    del table.newAppend
    second.claim()
    assert "ingest-first" not in table.heads


def test_a_claim_that_was_expired_still_ends_the_earlier_run(table: Table) -> None:
    first, second = run_of("first"), run_of("second")
    first.claim()
    second.claim()
    commit(second, table, 5)
    table.append("main", {"by": "a compaction"})
    table.expire()
    with pytest.raises(StepFailed, match="another run began to ingest"):
        commit(first, table, 5)


def test_another_topic_and_others_who_write_end_no_run(table: Table) -> None:
    run, other = run_of("first"), run_of("other", "refunds")
    run.claim()
    attempts: list[int] = []

    def write_too() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            other.claim()
        if len(attempts) == 2:
            table.append("main", {"by": "somebody else"})

    rows = run.append(Frame(table, write_too), mark("first", 5), check=lambda: None)
    assert (rows, len(attempts)) == (5, 3)
    assert sum("seatrial.ingest" in summary for summary in table.history()) == 1


def test_a_conflict_over_a_branch_is_tried_again(table: Table) -> None:
    run = run_of("first")
    run.claim()
    table.conflicts = 2
    commit(run, table, 5)
    table.append("main", {"by": "somebody else"})
    table.conflicts = 1
    commit(run, table, 10)
    assert run.mark() == mark("first", 10)
    table.conflicts = 1
    run.end()  # its rows are committed: a branch that stays is nothing to fail for


def test_what_the_check_refuses_is_not_published(table: Table) -> None:
    run = run_of("first")
    run.claim()

    def refuse() -> None:
        raise StepFailed("the topic is another one.", path="orders")

    with pytest.raises(StepFailed, match="the topic is another one"):
        run.append(Frame(table), mark("first", 5), check=refuse)
    assert run.mark() is None
