"""A Spark session over one store and one catalog, for tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.errors import InputError
from seatrial.prepare.java import java_version
from seatrial.prepare.session import spark_session
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.stores.settings import CatalogSettings, StoreSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# pyspark leaves the sockets that rows came over to the garbage collector.
PYSPARK_LEAKS = "ignore::pytest.PytestUnraisableExceptionWarning"


@dataclass(frozen=True)
class Lake:
    """A store and a catalog, the session over them, and where its log is."""

    store: StoreSettings
    catalog: CatalogSettings
    spark: SparkSession
    log: Path


@contextmanager
def open_lake(store: StoreSettings, catalog_uri: str, log: Path) -> Iterator[Lake]:
    catalog = CatalogSettings(uri=catalog_uri, warehouse=f"{store.url}/warehouse", store=store)
    with spark_session(SparkSettings(master="local[2]", memory="1g"), store, catalog, log=log) as spark:
        yield Lake(store, catalog, spark, log)


def need_java() -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    try:
        java_version()
    except InputError as error:
        pytest.skip(error.problem)


def fresh(store: StoreSettings) -> StoreSettings:
    return replace(store, url=f"s3://lake/spark-{uuid.uuid4().hex[:12]}")


def new_database(server: str) -> str:
    psycopg2 = pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    name = f"spark_{uuid.uuid4().hex[:12]}"
    connection = psycopg2.connect(f"{server}/postgres")
    try:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    return f"{server}/{name}"
