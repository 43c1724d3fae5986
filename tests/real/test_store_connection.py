"""A store behind a private certificate authority, temporary credentials, and a shell that says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

import seatrial
from seatrial.errors import StoreError
from seatrial.prepare.arrow_tables import write_arrow_table
from seatrial.stores.catalog import open_catalog
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import CatalogSettings, StoreSettings

# Each would send requests elsewhere, or change how they are signed.
FOREIGN_SHELL = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "theirs",
    "AWS_SECRET_ACCESS_KEY": "theirs",
    "AWS_SESSION_TOKEN": "theirs",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_S3_EXPRESS": "true",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    "AWS_CONDITIONAL_PUT": "disabled",
    "AWS_PROXY_URL": "http://127.0.0.1:9",
    "AWS_TIMEOUT": "1ms",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_PROFILE": "not-there",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "all_proxy": "http://127.0.0.1:9",
}


def write_and_read(store: StoreSettings, tmp_path: Path) -> None:
    """An object, a table written through the catalog, and its rows as batches."""
    objects = open_objects(store)
    objects.put("x", b"1", if_absent=True)
    assert objects.get("x").data == b"1"
    assert [info.key for info in objects.list("x")] == ["x"]
    catalog = CatalogSettings(f"sqlite:///{tmp_path}/catalog.db", f"{store.url}/warehouse", store)
    rows = pa.table({"n": pa.array(range(1000), pa.int64())})
    snapshot = write_arrow_table(catalog, rows, "space.numbers", tag="t", properties={})
    with open_catalog(catalog) as opened:
        table = opened.load_table("space.numbers")
        location = table.location()
        assert table.scan(snapshot_id=snapshot).to_arrow().num_rows == 1000
    batches = seatrial.parquet_table(f"{location}/data", store=store).batches(columns=["n"])
    assert sorted(int(n) for batch in batches for n in batch["n"]) == list(range(1000))


def test_a_private_authority_is_trusted_by_every_client(tls_minio: StoreSettings, tmp_path: Path) -> None:
    write_and_read(replace(tls_minio, url=f"{tls_minio.url}/private"), tmp_path)


def test_without_the_authority_the_error_names_the_certificate(tls_minio: StoreSettings) -> None:
    with pytest.raises(StoreError, match="certificate") as caught:
        open_objects(replace(tls_minio, ca=None)).get("x")
    assert "ca = " in (caught.value.hint or "")


def test_what_is_stated_is_used_whatever_the_shell_says(
    store: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in FOREIGN_SHELL.items():
        monkeypatch.setenv(name, value)
    write_and_read(replace(store, region="us-east-1"), tmp_path)


@pytest.mark.parametrize("kind", ["private authority", "foreign shell"])
def test_spark_is_told_the_same(
    kind: str, tls_minio: StoreSettings, minio_store: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.prepare.session import spark_session
    from seatrial.prepare.spark_settings import SparkSettings

    store = minio_store if kind == "foreign shell" else replace(tls_minio, url=f"{tls_minio.url}/spark")
    if kind == "foreign shell":
        for name, value in FOREIGN_SHELL.items():
            monkeypatch.setenv(name, value)
        store = replace(store, region="us-east-1")
    catalog = CatalogSettings(f"sqlite:///{tmp_path}/catalog.db", f"{store.url}/warehouse", store)
    with spark_session(SparkSettings(master="local[1]"), store, catalog, log=tmp_path / "spark.log") as spark:
        spark.range(10).write.parquet(f"{store.url}/plain")
        assert spark.read.parquet(f"{store.url}/plain").count() == 10
        spark.sql("CREATE NAMESPACE IF NOT EXISTS space")
        spark.range(20).writeTo("space.numbers").create()
        assert spark.table("space.numbers").count() == 20
