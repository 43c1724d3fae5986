"""A session begins from nothing, leaves nothing behind, and says what it needs.

Outside the package of the other Spark tests, whose session would still be there: a process has one at a time.
"""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.errors import InputError, StepFailed
from seatrial.prepare.java import java_version
from seatrial.prepare.session import spark_session
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.stores.settings import CatalogSettings, StoreSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# pyspark leaves the sockets that rows came over to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SMALL = SparkSettings(master="local[1]", memory="1g", conf={"spark.custom": "given"})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[StoreSettings, CatalogSettings, Path]:
    """A folder for a store, and a folder of its own for what is temporary."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    try:
        java_version()
    except InputError as error:
        pytest.skip(error.problem)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    store = StoreSettings(tmp_path.as_uri())
    return (
        store,
        CatalogSettings(f"sqlite:///{tmp_path}/c.db", f"{tmp_path.as_uri()}/wh", store),
        tmp_path / "spark.log",
    )


def test_a_second_session_knows_nothing_of_the_first_and_none_leaves_a_trace(
    place: tuple[StoreSettings, CatalogSettings, Path],
) -> None:
    store, catalog, log = place
    interrupt = signal.getsignal(signal.SIGINT)
    processes = []
    for _ in range(2):
        with spark_session(SMALL, store, catalog, log=log) as spark:
            assert spark.conf.get("spark.custom") == "given"
            assert spark.conf.get("spark.mine", None) is None
            assert not spark.catalog.tableExists("view")
            spark.conf.set("spark.mine", "1")
            spark.range(1).createOrReplaceTempView("view")
            processes.append(spark.sparkContext._gateway.proc.pid)
        assert not Path(f"/proc/{processes[-1]}").exists()
        assert list(Path(tempfile.gettempdir()).iterdir()) == []
        assert signal.getsignal(signal.SIGINT) is interrupt
    assert processes[0] != processes[1]


def test_a_step_that_raises_ends_the_session_and_keeps_its_exception(
    place: tuple[StoreSettings, CatalogSettings, Path],
) -> None:
    store, catalog, log = place
    processes = []

    def step(spark: SparkSession) -> None:
        processes.append(spark.sparkContext._gateway.proc.pid)
        os.kill(processes[0], signal.SIGKILL)  # and the JVM is gone as well
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), spark_session(SMALL, store, catalog, log=log) as spark:
        step(spark)
    assert not Path(f"/proc/{processes[0]}").exists()


def test_a_setting_that_spark_refuses_is_named_with_its_value(
    place: tuple[StoreSettings, CatalogSettings, Path],
) -> None:
    store, catalog, log = place
    wrong = SparkSettings(master="local[1]", conf={"spark.sql.shuffle.partitions": "many"})
    with (
        pytest.raises(InputError, match=r"^spark\.sql\.shuffle\.partitions: Spark refuses 'many'"),
        spark_session(wrong, store, catalog, log=log),
    ):
        pass


def test_memory_that_java_refuses_is_told_with_the_log(place: tuple[StoreSettings, CatalogSettings, Path]) -> None:
    store, catalog, log = place
    with (
        pytest.raises(StepFailed, match="ended while it started") as failed,
        spark_session(SparkSettings(memory="lots"), store, catalog, log=log),
    ):
        pass
    assert failed.value.path == str(log)
    assert "lots" in log.read_text()


def test_a_second_session_at_the_same_time_is_refused(place: tuple[StoreSettings, CatalogSettings, Path]) -> None:
    store, catalog, log = place
    with (
        spark_session(SMALL, store, catalog, log=log),
        pytest.raises(InputError, match="has a Spark session already"),
        spark_session(SMALL, store, catalog, log=log),
    ):
        pass
