from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import StoreError
from seatrial.stores.settings import StoreSettings
from seatrial.stores.store_url import Bucket, Folder, parse_store_url


def test_an_s3_url_names_bucket_and_prefix() -> None:
    assert parse_store_url(StoreSettings("s3://lake/census/", "http://127.0.0.1:9000/")) == Bucket(
        "lake", "census", "http://127.0.0.1:9000"
    )


def test_a_file_url_names_a_folder() -> None:
    assert parse_store_url(StoreSettings("file:///data/with%20space")) == Folder(Path("/data/with space"))


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (StoreSettings("s3://lake/x", "minio:9000"), 'Write "http://minio:9000".'),
        (StoreSettings("lake/census"), 'Write "s3://lake/census".'),
        (StoreSettings("hdfs://namenode/x"), "s3://bucket/prefix"),
        (StoreSettings("file://relative/x"), "file:///absolute/folder"),
        (StoreSettings("s3:///x"), "s3://bucket/prefix"),
        (StoreSettings("s3://lake/x", "ftp://host"), "https://host:port"),
    ],
)
def test_a_wrong_address_says_how_to_write_it(settings: StoreSettings, hint: str) -> None:
    with pytest.raises(StoreError) as caught:
        parse_store_url(settings)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        StoreSettings("s3://key:hidden@lake/x"),
        StoreSettings("s3://lake/x", "http://key:hidden@host:9000"),
        StoreSettings("s3://lake/x", "key:hidden@host:9000"),
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(settings: StoreSettings) -> None:
    with pytest.raises(StoreError) as caught:
        parse_store_url(settings)
    assert "hidden" not in str(caught.value)
