"""Buckets beside the store's own that a Spark step reads, each with an address and credentials of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seatrial.prepare.conf import S3A, s3a_connection
from seatrial.stores.s3_connection import S3Connection, s3_connection
from seatrial.stores.settings import StoreSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_AWS = "s3.amazonaws.com"


def reach_bucket(spark: SparkSession, settings: StoreSettings) -> None:
    """Tells the session how the bucket of `settings` is reached, before anything in it is read."""
    bucket = settings.url.removeprefix("s3://").partition("/")[0]
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()  # what executors get with every read
    for key, value in conf_of_bucket(s3_connection(settings, os.environ)).items():
        hadoop.set(f"fs.s3a.bucket.{bucket}.{key}", value)


def conf_of_bucket(connection: S3Connection) -> dict[str, str]:
    """The keys below `fs.s3a.bucket.NAME.`; what is left out would be as the project's store has it."""
    conf = s3a_connection(connection)
    if connection.endpoint is None:
        conf |= {"endpoint": _AWS, "path.style.access": "false"}
    conf.setdefault("aws.credentials.provider", f"{S3A}.auth.IAMInstanceCredentialsProvider")
    if connection.proxy is None:
        conf["proxy.host"] = ""
    return conf
