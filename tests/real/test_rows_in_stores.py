"""Rows behind s3://, on both object stores, with credentials and endpoint from the environment alone."""

from __future__ import annotations

import gzip
import io
import os
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.errors import InputError, SeatrialError, StoreError
from seatrial.rows import Rows, open_rows
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.servers import free_port

PROMPTLY_S = 30.0
Put = Callable[[str, bytes], str]


def parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def read(rows: Rows) -> dict[str, list[Any]]:
    return pa.concat_tables(list(rows.tables())).to_pydict()


@pytest.fixture
def put(store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts an object; its address. From then on the environment names the store."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    assert store.credentials is not None
    assert store.endpoint is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.credentials.secret_key)
    objects = open_objects(store)

    def send(key: str, data: bytes) -> str:
        objects.put(key, data)
        return f"{store.url}/{key}"

    return send


def test_every_format_is_read_from_an_object(put: Put) -> None:
    expected: dict[str, Any] = {"a": [1, 2], "b": ["x", "ü"]}
    table = pa.table(expected)
    assert read(open_rows(put("1.parquet", parquet(table)))) == expected
    assert read(open_rows(put("2.csv", "a,b\n1,x\n2,ü\n".encode()))) == expected
    assert read(open_rows(put("3.jsonl.gz", gzip.compress('{"a":1,"b":"x"}\n{"a":2,"b":"ü"}\n'.encode())))) == expected


def test_a_prefix_is_a_folder_with_its_keys_and_without_its_marks(put: Put) -> None:
    table = pa.table({"a": [1, 2]})
    put("t/day=2/b.parquet", parquet(table))
    put("t/_SUCCESS", b"")
    address = put("t/day=1/a.parquet", parquet(table)).removesuffix("/day=1/a.parquet")
    for written in (address, f"{address}/"):
        rows = open_rows(written)
        assert rows.rows == 4
        assert read(rows) == {"a": [1, 2, 1, 2], "day": [1, 1, 2, 2]}


def test_a_pattern_picks_among_objects(put: Put) -> None:
    put("p/a-1.csv", b"a,b\n1,2\n")
    put("p/b.csv", b"c\n1\n")
    address = put("p/a-2.csv", b"a,b\n3,4\n")
    assert read(open_rows(address.replace("a-2", "a-*"))) == {"a": [1, 3], "b": [2, 4]}


def test_a_pattern_that_no_object_has_picks_folders(put: Put) -> None:
    put("days/2026-10-31/a.csv", b"a,b\n1,2\n")
    put("days/2026-11-01/_SUCCESS", b"")
    put("days/2026-11-01/b.csv", b"a,b\n3,4\n")
    address = put("days/2026-11-02/c.csv", b"a,b\n5,6\n")
    assert read(open_rows(address.replace("02/c.csv", "*"))) == {"a": [3, 5], "b": [4, 6]}


def test_an_object_of_many_pieces_is_whole(put: Put) -> None:
    lines = 1_200_000
    rows = open_rows(put("big.csv", b"a,b\n" + b"12345,text\n" * lines))
    assert rows.rows == sum(table.num_rows for table in rows.tables()) == lines


def test_an_object_that_was_written_again_is_an_error_and_no_mix(put: Put) -> None:
    rows = open_rows(put("r.csv", b"a,b\n1,2\n"))
    put("r.csv", b"a,b\n1,3\n")
    with pytest.raises(SeatrialError, match="not the one that was read before"):
        read(rows)


@pytest.mark.parametrize(
    ("variables", "key", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "r.csv", "the store refused the credentials"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "r.csv", "the store refused the credentials"),
        ({}, "none.csv", "the file or folder does not exist"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"}, "r.csv", "the store does not answer"),
        ({"AWS_ENDPOINT_URL": "http://nowhere.invalid:9000"}, "r.csv", "the store does not answer"),
    ],
)
def test_what_is_wrong_with_a_store_is_one_line_and_said_promptly(
    put: Put, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], key: str, message: str
) -> None:
    address = put("r.csv", b"a,b\n1,2\n").replace("r.csv", key)
    secrets = [os.environ["AWS_SECRET_ACCESS_KEY"], "wrong-secret"]
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(port=free_port()))
    begun = time.monotonic()
    with pytest.raises((StoreError, InputError), match=message) as raised:
        open_rows(address)
    assert time.monotonic() - begun < PROMPTLY_S
    assert "\n" not in str(raised.value)
    assert raised.value.hint
    assert not any(secret in str(raised.value) for secret in secrets)


def test_a_bucket_that_is_not_there_is_named(put: Put) -> None:
    put("r.csv", b"a,b\n1,2\n")
    with pytest.raises(SeatrialError, match=r"no-such-bucket does not exist|file or folder does not exist"):
        open_rows("s3://no-such-bucket/r.csv")


def test_an_iceberg_table_is_read_by_its_metadata_and_stays_at_its_snapshot(put: Put, store: StoreSettings) -> None:
    pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
    from pyiceberg.catalog.sql import SqlCatalog

    put("mark", b"x")
    assert store.credentials is not None
    catalog = SqlCatalog(
        "rows",
        **{
            "uri": "sqlite:///:memory:",
            "warehouse": f"{store.url}/warehouse",
            "s3.endpoint": str(store.endpoint),
            "s3.access-key-id": store.credentials.access_key,
            "s3.secret-access-key": store.credentials.secret_key,
            "s3.region": "us-east-1",
        },
    )
    try:
        catalog.create_namespace("lake")
        table = pa.table({"a": pa.array([1, 2, 3]), "b": pa.array(["x", "y", "z"])})
        written = catalog.create_table("lake.t", schema=table.schema)
        written.append(table)
        rows = open_rows(written.metadata_location)
        written.append(table)
        assert (rows.rows, open_rows(written.metadata_location).rows) == (3, 6)
        assert read(rows) == table.to_pydict()
        assert [found.column_names for found in rows.tables(["b"])] == [["b"]]
    finally:
        catalog.close()
