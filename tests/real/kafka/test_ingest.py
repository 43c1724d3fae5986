"""Topics read into tables in one Spark session: rows, dead letters, offsets, and what is refused."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.types import LongType, NestedField, UUIDType

from seatrial.errors import InputError, SourceError, StepFailed
from seatrial.prepare.jars import KAFKA
from seatrial.prepare.session import spark_session
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.sources.kafka.columns import declared_schema
from seatrial.sources.kafka.ingest import IngestJob, IngestProgress, ingest
from seatrial.sources.kafka.mark import read_mark
from seatrial.sources.kafka.settings import KafkaConnection, client_properties
from seatrial.sources.kafka.target_table import IngestTable
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings
from tests.real.conftest import fresh_prefix
from tests.real.spark.lake import PYSPARK_LEAKS

from .broker import Broker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from seatrial.sources.kafka.ingest import Ingested

pytestmark = pytest.mark.filterwarnings(PYSPARK_LEAKS)

COLUMNS = declared_schema({"id": "bigint", "amount": "decimal(10,2)"}, ["id"])
HEARD_S = 60
BAD = [b"nonsense", b'{"id": "x"}', b'{"amount": 3}', b'{"id": 1, "amount": 0.125}', b"\xff", None]


@dataclass(frozen=True)
class Ingestion:
    """A Spark session with Kafka's connector, over one store and catalog, beside one broker."""

    spark: SparkSession
    catalog: CatalogSettings
    broker: Broker
    connection: KafkaConnection

    def topic(self, values: list[bytes | None] | None = None) -> str:
        name = f"orders-{uuid.uuid4().hex[:8]}"
        self.broker.create_topic(name)
        self.broker.send(name, records(0, 90) if values is None else values)
        return name

    def run(self, topic: str, table: str, columns: pa.Schema | None = COLUMNS, **options: Any) -> Ingested:
        job = IngestJob(topic, f"shop.{table}", columns, until_caught_up=True, **options)
        return ingest(self.spark, self.connection, job, stop=threading.Event(), on_progress=lambda _: None)

    def rows(self, table: str) -> list[dict[str, Any]]:
        with open_catalog(self.catalog) as catalog:
            rows: list[dict[str, Any]] = catalog.load_table(f"shop.{table}").scan().to_arrow().to_pylist()
        return rows

    def ids(self, table: str) -> list[int]:
        return sorted(row["id"] for row in self.rows(table))


def records(start: int, end: int) -> list[bytes | None]:
    return [json.dumps({"id": number, "amount": number / 4}).encode() for number in range(start, end)]


@pytest.fixture(scope="module")
def shop(seaweed: StoreSettings, broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingestion]:
    store = fresh_prefix(seaweed)
    folder: Path = tmp_path_factory.mktemp("shop")
    catalog = CatalogSettings(f"sqlite:///{folder / 'catalog.db'}", f"{store.url}/warehouse", store)
    settings = SparkSettings(master="local[2]", memory="1g")
    brokers = (broker.plain,)
    connection = KafkaConnection(brokers, client_properties(brokers, tls=False, authorities=None, sign_in=None))
    with spark_session(settings, store, catalog, log=folder / "spark.log", more_jars=KAFKA) as spark:
        yield Ingestion(spark, catalog, broker, connection)


def test_rows_and_dead_letters_are_committed_with_their_offsets(shop: Ingestion) -> None:
    topic = shop.topic([*records(0, 90), *BAD])
    done = shop.run(topic, "rows", batch_records=60)
    assert (done.rows, done.dead_letters, done.lag, done.job.table) == (90, len(BAD), 0, "shop.rows")
    assert done.commits >= 2
    assert shop.ids("rows") == list(range(90))
    letters = shop.rows("rows_dead_letters")
    assert {letter["value"] for letter in letters} == set(BAD)
    assert {letter["topic"] for letter in letters} == {topic}
    assert sorted(letter["reason"] for letter in letters) == [
        "amount: expected decimal(10,2), got 0.125",
        'id: expected bigint, got "x"',
        "id: the required field is missing",
        "malformed JSON: Expecting value at character 0",
        "not UTF-8: byte 0",
        "the record has no value (a tombstone)",
    ]
    assert all(letter["offset"] < done.mark.to[letter["partition"]] for letter in letters)
    with open_catalog(shop.catalog) as catalog:
        table = catalog.load_table("shop.rows")
        snapshot = table.current_snapshot()
        assert snapshot is not None
        assert snapshot.snapshot_id == done.snapshot
        assert snapshot.summary is not None
        assert read_mark(str(snapshot.summary["seatrial.ingest"]), where="summary") == done.mark
        assert read_mark(table.properties[f"seatrial.ingest.{topic}"], where="property") == done.mark
        assert list(table.refs()) == ["main"]
    again = shop.run(topic, "rows")
    assert (again.rows, again.commits, again.snapshot) == (0, 0, None)


def test_aborted_transactions_leave_gaps_and_no_rows(shop: Ingestion) -> None:
    topic = shop.topic([])
    with shop.broker.transactions() as producer:
        for start in range(0, 90, 30):
            shop.broker.transaction(producer, topic, [each for each in records(start, start + 30) if each])
            shop.broker.transaction(producer, topic, [each for each in records(1000, 1030) if each], abort=True)
    done = shop.run(topic, "transactions", batch_records=25)
    assert shop.ids("transactions") == list(range(90))
    assert (done.rows, done.lag) == (90, 0)


def test_a_column_that_is_new_is_added_and_one_that_changed_is_refused(shop: Ingestion) -> None:
    topic = shop.topic()
    shop.run(topic, "evolved")
    shop.broker.send(topic, [b'{"id": 90, "note": "new"}'])
    with pytest.raises(InputError, match=r'column "id" has type bigint in the table, and is declared as string'):
        shop.run(topic, "evolved", declared_schema({"id": "string", "amount": "decimal(10,2)"}, ["id"]))
    more = declared_schema({"id": "bigint", "amount": "decimal(10,2)", "note": "string"}, ["id"])
    shop.run(topic, "evolved", more)
    rows = {row["id"]: row for row in shop.rows("evolved")}
    assert len(rows) == 91
    assert (rows[0]["note"], rows[90]["note"]) == (None, "new")
    shop.broker.send(topic, records(91, 94))
    shop.run(topic, "evolved", None)  # without declared columns they are the table's
    assert shop.ids("evolved") == list(range(94))


def test_a_run_that_was_overtaken_commits_nothing_more(shop: Ingestion) -> None:
    topic = shop.topic()
    seen: list[IngestProgress] = []

    def overtake(progress: IngestProgress) -> None:
        seen.append(progress)
        if len(seen) == 1:
            IngestTable(shop.spark, "shop.overtaken", topic, "another").claim()

    job = IngestJob(topic, "shop.overtaken", COLUMNS, until_caught_up=True, batch_records=30)
    with pytest.raises(StepFailed, match="another run began to ingest"):
        ingest(shop.spark, shop.connection, job, stop=threading.Event(), on_progress=overtake)
    assert len(seen) == 1
    shop.run(topic, "overtaken")
    assert shop.ids("overtaken") == list(range(90))


def test_a_run_that_is_overtaken_while_it_writes_doubles_no_row(
    shop: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = shop.topic([*records(0, 90), *BAD])
    later = IngestTable(shop.spark, "shop.busy", topic, "later")
    begin, begun = IngestTable._begin_branch, list[str]()

    def overtake(table: IngestTable) -> None:
        begin(table)
        begun.append(table.identifier)
        if begun.count("shop.busy") == 2 and table is not later:  # its append comes next
            later.claim()

    monkeypatch.setattr(IngestTable, "_begin_branch", overtake)
    with pytest.raises(StepFailed, match="another run began to ingest"):
        shop.run(topic, "busy", batch_records=48)
    monkeypatch.undo()
    committed = len(shop.ids("busy"))
    assert 0 < committed < 90
    with open_catalog(shop.catalog) as catalog:
        assert list(catalog.load_table("shop.busy").refs()) == ["main"]
    shop.run(topic, "busy")
    assert shop.ids("busy") == list(range(90))
    assert len(shop.rows("busy_dead_letters")) == len(BAD)


def test_one_record_that_no_decimal_can_hold_is_a_dead_letter(shop: Ingestion) -> None:
    topic = shop.topic([*records(0, 9), b'{"id": 9, "amount": 1e9999999999999999999}'])
    done = shop.run(topic, "exponent")
    assert (done.rows, done.dead_letters, done.lag) == (9, 1, 0)


@pytest.mark.skipif(
    "SEATRIAL_TEST_INGEST_KILLS" not in os.environ, reason="a broker takes long to tell: set SEATRIAL_TEST_INGEST_KILLS"
)
def test_a_topic_that_is_made_again_while_it_is_ingested_ends_the_run(
    shop: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = shop.topic()
    write = IngestTable.write

    def make_again(table: IngestTable, *arguments: Any) -> int:
        rows = write(table, *arguments)
        before = shop.broker.topic_id(topic)
        shop.broker.admin.deleteTopics([topic]).all().get()
        shop.broker.create_topic(topic)
        # The broker hears of both from its controller, a moment later.
        until = time.monotonic() + HEARD_S
        while shop.broker.topic_id(topic) in (before, None) and time.monotonic() < until:
            time.sleep(0.1)
        return rows

    monkeypatch.setattr(IngestTable, "write", make_again)
    with pytest.raises(StepFailed, match="the topic was deleted and made again"):
        shop.run(topic, "recreated")
    assert shop.rows("recreated") == []


def test_columns_of_a_table_that_records_do_not_fill_are_refused(shop: Ingestion) -> None:
    topic = shop.topic()
    with open_catalog(shop.catalog) as catalog:
        catalog.create_namespace_if_not_exists("shop")
        catalog.create_table(
            "shop.keys", IcebergSchema(NestedField(1, "id", LongType()), NestedField(2, "key", UUIDType()))
        )
    with pytest.raises(InputError, match='column "key" has the Iceberg type uuid'):
        shop.run(topic, "keys", None)
    shop.run(topic, "keys", declared_schema({"id": "bigint"}, []))
    assert shop.ids("keys") == list(range(90))
    with pytest.raises(InputError, match='column "ID" is "id" in the table'):
        shop.run(topic, "keys", declared_schema({"ID": "bigint"}, []))


def test_a_batch_is_written_again_where_somebody_else_wrote(shop: Ingestion, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = shop.topic()
    written: list[str] = []
    write = IngestTable.write

    def write_beside_others(table: IngestTable, *arguments: Any) -> int:
        rows = write(table, *arguments)
        if not written:
            shop.spark.sql(f"INSERT INTO {table.identifier} VALUES (1000, 0)")
        written.append(table.identifier)
        return rows

    monkeypatch.setattr(IngestTable, "write", write_beside_others)
    done = shop.run(topic, "crowded")
    assert (done.rows, done.commits, len(written)) == (90, 1, 2)
    assert shop.ids("crowded") == [*range(90), 1000]


def test_dead_letters_of_a_batch_that_was_not_committed_are_written_once(
    shop: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = shop.topic([*records(0, 30), *BAD])
    publish = IngestTable.publish

    def end_before_rows(table: IngestTable, *arguments: Any) -> int:
        if table.identifier == "shop.ended":
            raise RuntimeError("the process ends here")
        return publish(table, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(IngestTable, "publish", end_before_rows)
        with pytest.raises(StepFailed, match="the process ends here"):
            shop.run(topic, "ended")
    assert len(shop.rows("ended_dead_letters")) == len(BAD)
    assert shop.rows("ended") == []
    shop.run(topic, "ended")
    assert len(shop.rows("ended_dead_letters")) == len(BAD)
    assert shop.ids("ended") == list(range(30))


def test_what_is_not_there_is_named_with_what_is(shop: Ingestion) -> None:
    topic = shop.topic([])
    with pytest.raises(InputError, match=r"does not exist at 127\.0\.0\.1") as absent:
        shop.run(f"{topic}s", "absent")
    assert absent.value.hint == f'Did you mean "{topic}"?'
    with pytest.raises(InputError, match="the table does not exist, and no columns are declared"):
        shop.run(topic, "absent", None)


def test_a_wrong_password_names_the_setting(shop: Ingestion) -> None:
    brokers = (shop.broker.secured,)
    authority = shop.broker.authority.read_text()
    for sign_in, authorities, setting in [
        (("PLAIN", "reader", "wrong-password"), authority, "kafka.sasl"),
        (("PLAIN", "reader", shop.broker.password), None, "kafka.ca"),
    ]:
        properties = client_properties(brokers, tls=True, authorities=authorities, sign_in=sign_in)  # type: ignore[arg-type]
        with pytest.raises(SourceError) as refused:
            ingest(
                shop.spark,
                KafkaConnection(brokers, properties),
                IngestJob("orders", "shop.none", COLUMNS),
                stop=threading.Event(),
                on_progress=lambda _: None,
            )
        assert refused.value.path == setting
        assert "wrong-password" not in str(refused.value)
