from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import obstore
import pytest
from obstore.store import S3Store

from seatrial.stores.s3_connection import s3_connection
from seatrial.stores.s3_signature import presigned_url
from seatrial.stores.settings import Credentials, StoreSettings

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("key", ["a/b.parquet", "with space/é+&=?#~.parquet", "p=1/x%20y"])
@pytest.mark.parametrize("token", [None, "token/with+signs=="])
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "https://minio.data"])
def test_the_signature_is_the_one_that_obstore_makes(key: str, token: str | None, endpoint: str) -> None:
    settings = StoreSettings("s3://lake", endpoint, Credentials("AKID", "secret", token), "eu-west-1")
    store = S3Store(
        "lake",
        endpoint=endpoint,
        region="eu-west-1",
        client_options={"allow_http": True},
        credential_provider=lambda: {
            "access_key_id": "AKID",
            "secret_access_key": "secret",
            "token": token,
            "expires_at": None,
        },
    )
    theirs = parse_qs(urlsplit(str(obstore.sign(store, "GET", key, HOUR))).query)
    now = datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = parse_qs(urlsplit(presigned_url(s3_connection(settings, {}), "lake", key, valid_for=HOUR, now=now)).query)
    assert ours == theirs


def test_an_anonymous_url_has_no_signature() -> None:
    connection = s3_connection(StoreSettings("s3://lake", "http://127.0.0.1:9000", anonymous=True), {})
    assert presigned_url(connection, "lake", "a b", valid_for=HOUR) == "http://127.0.0.1:9000/lake/a%20b"
