"""Spark over each object store and each catalog: how it commits, what it keeps secret, whose snapshot is whose."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from seatrial.batches.table import Table
from seatrial.errors import StepFailed
from seatrial.prepare.failure import spark_cause
from seatrial.prepare.tables import WRITE, write_table
from seatrial.stores.catalog import open_catalog
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.table_metadata import read_properties

from .lake import PYSPARK_LEAKS, Lake

pytestmark = [pytest.mark.filterwarnings(PYSPARK_LEAKS), pytest.mark.timeout(1200)]


def secrets_of(lake: Lake) -> list[str]:
    assert lake.store.credentials is not None
    password = lake.catalog.uri.rpartition("@")[0].rpartition(":")[2]
    return [lake.store.credentials.secret_key, *([password] if password else [])]


def pinned_rows(lake: Lake, identifier: str, snapshot: int) -> list[dict[str, Any]]:
    with open_catalog(lake.catalog) as catalog:
        rows: list[dict[str, Any]] = catalog.load_table(identifier).scan(snapshot_id=snapshot).to_arrow().to_pylist()
    return rows


def numbers(lake: Lake, count: int) -> Any:
    return lake.spark.range(count, numPartitions=2)


def test_output_is_committed_by_the_magic_committer(lake: Lake) -> None:
    path = f"{lake.store.url.replace('s3:', 's3a:')}/plain"
    numbers(lake, 100).write.parquet(path)
    success = json.loads(open_objects(lake.store).get("plain/_SUCCESS").data)
    assert success["committer"] == "magic"
    assert len(success["filenames"]) == 2


def test_s3_addresses_are_read_as_people_write_them(lake: Lake) -> None:
    open_objects(lake.store).put("raw/a.csv", b"1,x\n2,y\n")
    assert lake.spark.read.csv(f"{lake.store.url}/raw/*.csv").count() == 2


def test_pyiceberg_reads_the_snapshot_that_a_write_returned_after_the_table_moved_on(lake: Lake) -> None:
    first = write_table(lake.spark, numbers(lake, 3), "shared.pinned", tag="a")
    second = write_table(lake.spark, numbers(lake, 5), "shared.pinned", tag="b")
    assert sorted(row["id"] for row in pinned_rows(lake, "shared.pinned", first)) == [0, 1, 2]
    assert len(pinned_rows(lake, "shared.pinned", second)) == 5


def test_a_snapshot_is_tagged_and_says_which_call_wrote_it(lake: Lake) -> None:
    snapshot = write_table(
        lake.spark, numbers(lake, 3), "shared.tagged", tag="run-7", properties={"seatrial.digest": "d"}
    )
    with open_catalog(lake.catalog) as catalog:
        table = catalog.load_table("shared.tagged")
    assert table.refs()["seatrial-run-7"].snapshot_id == snapshot
    written = table.snapshot_by_id(snapshot).summary.additional_properties
    assert written["seatrial.digest"] == table.properties["seatrial.digest"] == "d"
    read = read_properties(lake.catalog, open_objects(lake.store), "shared.tagged", snapshot)
    assert read == dict(Table("shared.tagged", snapshot, "d", lake.catalog).properties)
    assert WRITE in written


def test_a_tag_that_pins_another_snapshot_goes_on_pinning_it(lake: Lake) -> None:
    first = write_table(lake.spark, numbers(lake, 3), "shared.twice", tag="same")
    second = write_table(lake.spark, numbers(lake, 4), "shared.twice", tag="same")
    with open_catalog(lake.catalog) as catalog:
        refs = catalog.load_table("shared.twice").refs()
    assert refs["seatrial-same"].snapshot_id == first
    assert refs[f"seatrial-same-{second}"].snapshot_id == second


def test_a_table_takes_new_columns_and_its_old_snapshot_keeps_the_old_ones(lake: Lake) -> None:
    old = write_table(lake.spark, numbers(lake, 2), "shared.columns", tag="old")
    frame = numbers(lake, 2).selectExpr("cast(id as string) as id", "id * 0.5 as half")
    new = write_table(lake.spark, frame, "shared.columns", tag="new")
    assert pinned_rows(lake, "shared.columns", old) == [{"id": 0}, {"id": 1}]
    assert [row["id"] for row in pinned_rows(lake, "shared.columns", new)] == ["0", "1"]


def test_a_frame_without_rows_is_a_snapshot_without_rows(lake: Lake) -> None:
    write_table(lake.spark, numbers(lake, 2), "shared.emptied", tag="a")
    snapshot = write_table(lake.spark, numbers(lake, 0), "shared.emptied", tag="b")
    assert pinned_rows(lake, "shared.emptied", snapshot) == []


def test_no_secret_is_on_the_command_line_of_any_process_that_spark_started(lake: Lake) -> None:
    lake.spark.range(2).mapInArrow(lambda batches: batches, "id long").count()  # starts Python workers
    lines = [path.read_bytes().replace(b"\0", b" ").decode() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert any("org.apache.spark.deploy.SparkSubmit" in line for line in lines)
    for secret in secrets_of(lake):
        assert not any(secret in line for line in lines)


def test_no_secret_is_in_the_log(lake: Lake) -> None:
    with pytest.raises(Exception, match="nowhere"):
        lake.spark.read.parquet(f"{lake.store.url}/nowhere").count()
    text = lake.log.read_text()
    assert not any(secret in text for secret in secrets_of(lake))


def test_there_is_no_web_page_of_the_session(lake: Lake) -> None:
    assert lake.spark.sparkContext.uiWebUrl is None


def test_noise_goes_to_the_log_and_nothing_to_the_terminal(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    logger = lake.spark._jvm.org.apache.logging.log4j.LogManager.getLogger("a.b.Noise")
    logger.warn("a noisy warning")
    lake.spark._jvm.java.lang.System.out.println("printed by the JVM")
    deadline = time.monotonic() + 5
    while "printed by the JVM" not in (text := lake.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "WARN Noise: a noisy warning" in text
    assert "printed by the JVM" in text
    assert capfd.readouterr() == ("", "")


def test_a_failure_in_a_worker_is_its_exception_at_the_users_line(lake: Lake) -> None:
    from pyspark.sql.functions import udf

    reciprocal = lambda value: 1 // value  # noqa: E731 pyspark warns of a function with type hints
    line = reciprocal.__code__.co_firstlineno
    with pytest.raises(Exception) as raised:  # noqa: PT011 pyspark's own class, whose message is what is tested
        lake.spark.range(3).select(udf(reciprocal, "long")("id")).collect()
    failed = spark_cause(raised.value, step="features", log=lake.log)
    assert isinstance(failed, StepFailed)
    assert failed.problem.startswith("step 'features': ZeroDivisionError: integer division or modulo by zero")
    assert failed.path == __file__
    assert failed.line == line
    assert str(lake.log) in str(failed)


def test_a_failure_in_spark_is_its_root_cause_at_the_line_that_asked(lake: Lake) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 as above
        lake.spark.read.csv(f"{lake.store.url}/absent.csv")
    failed = spark_cause(raised.value, log=lake.log)
    assert "absent.csv" in str(failed.problem)
    assert "\n" not in str(failed.problem)
    assert failed.path == __file__


def test_an_error_of_ours_stays_what_it_is(lake: Lake) -> None:
    error = StepFailed("mine")
    assert spark_cause(error, log=lake.log) is error


def test_time_is_utc_on_both_sides(lake: Lake) -> None:
    from pyspark.sql.functions import lit

    row = lake.spark.range(1).select(lit("2026-03-29 02:30:00").cast("timestamp").cast("long")).head()
    assert row is not None
    assert row[0] == 1774751400


def test_the_working_folder_stays_clean(lake: Lake) -> None:
    assert not {"spark-warehouse", "metastore_db", "derby.log", "artifacts"} & {path.name for path in Path().iterdir()}


def test_a_packed_column_is_stored_plain(lake: Lake, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyspark.sql.functions import lit

    from seatrial.models.codec import Codec
    from seatrial.prepare.codec import with_features

    codec = Codec.from_statistics(numbers={"id": (1.0, 1.0)}, vocabularies={"sex": ["F", "M"]})
    frame = with_features(lake.spark.range(500).withColumn("sex", lit("F")), codec)
    snapshot = write_table(lake.spark, frame, "shared.packed", tag="a")
    with open_catalog(lake.catalog) as catalog:
        table = catalog.load_table("shared.packed")
        file = next(iter(table.scan(snapshot_id=snapshot).plan_files())).file.file_path
        with table.io.new_input(file).open() as stream:
            column = pq.ParquetFile(pa.BufferReader(stream.read())).metadata.row_group(0).column(2)
    assert column.path_in_schema == "features"
    assert column.compression == "UNCOMPRESSED"
    assert not any("DICTIONARY" in encoding for encoding in column.encodings)
    said = json.loads(table.snapshot_by_id(snapshot).summary.additional_properties["seatrial.packed.features"])
    assert said == {"dtype": "float32", "width": 4, "codec": codec.digest}
    assert json.loads(table.properties["seatrial.packed.features"]) == said
