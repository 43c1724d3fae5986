"""What Spark writes while the store fails to complete an upload: whole, and once. S3A's files, and a table's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from seatrial.prepare.session import spark_session
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.prepare.tables import write_table
from seatrial.stores.settings import CatalogSettings, StoreSettings
from tests.real.spark.lake import PYSPARK_LEAKS, fresh, need_java
from tests.real.table_faults.completing_proxy import CompletingProxy, completing_proxy

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.filterwarnings(PYSPARK_LEAKS)

ROWS = 8_000_000  # random numbers: 64 MB, which would be sent in parts of 32 by default


@dataclass(frozen=True)
class Lake:
    """A session whose store is behind the proxy."""

    spark: SparkSession
    proxy: CompletingProxy
    url: str

    def meet(self, fault: str) -> None:
        self.proxy.fault = fault
        self.proxy.met.clear()
        self.proxy.completed.clear()

    def check_completed_once(self) -> None:
        assert self.proxy.met, "something was sent in parts"
        assert set(self.proxy.completed.values()) == {1}, "no object was completed twice"


@pytest.fixture(scope="module")
def lake(minio: StoreSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    need_java()
    folder = tmp_path_factory.mktemp("faults")
    with completing_proxy(str(minio.endpoint), "503") as proxy:
        store = replace(fresh(minio), endpoint=proxy.url)
        catalog = CatalogSettings(f"sqlite:///{folder}/catalog.db", f"{store.url}/warehouse", store)
        settings = SparkSettings(master="local[1]", memory="1g")
        with spark_session(settings, store, catalog, log=folder / "spark.log") as spark:
            yield Lake(spark, proxy, store.url)


def test_files_that_a_step_writes_by_s3a_are_whole_and_there_once(lake: Lake) -> None:
    # Where the store has completed and its answer is lost, S3A asks again, and is told NoSuchUpload: the step fails.
    lake.meet("503")
    place = f"{lake.url}/rows"
    lake.spark.range(0, 1000, 1, 1).write.parquet(place)
    assert lake.spark.read.parquet(place).count() == 1000
    lake.check_completed_once()


def test_a_file_of_a_table_is_sent_in_one_request_which_may_be_repeated(lake: Lake) -> None:
    from pyspark.sql.functions import rand

    lake.meet("503, lost")
    write_table(lake.spark, lake.spark.range(0, ROWS, 1, 1).select(rand(3).alias("n")), "space.t", tag="t")
    assert lake.spark.table("space.t").count() == ROWS
    assert not lake.proxy.met, "nothing had to be completed"
