"""What the settings state is used; the environment counts where they say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import StoreError
from seatrial.stores.s3_connection import s3_connection
from seatrial.stores.settings import Credentials, StoreSettings

OWN = Credentials("own", "secret")
STATED = StoreSettings("s3://lake/p", "https://minio.data:9000", OWN, "eu-west-1")
ENVIRONMENT = {
    "AWS_ENDPOINT_URL": "http://other:1",
    "AWS_ENDPOINT_URL_S3": "http://other:2",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "theirs",
    "AWS_SECRET_ACCESS_KEY": "theirs too",
    "AWS_SESSION_TOKEN": "their token",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_S3_EXPRESS": "true",
}


def test_what_is_stated_is_used_whatever_the_environment_says() -> None:
    assert s3_connection(STATED, ENVIRONMENT) == s3_connection(STATED, {})
    assert s3_connection(STATED, ENVIRONMENT).credentials == OWN


def test_what_is_not_stated_comes_from_the_environment() -> None:
    signed = {name: value for name, value in ENVIRONMENT.items() if name != "AWS_SKIP_SIGNATURE"}
    connection = s3_connection(StoreSettings("s3://lake"), signed)
    assert connection.endpoint == "http://other:2"
    assert connection.region == "eu-central-1"
    assert connection.credentials == Credentials("theirs", "theirs too", "their token")
    assert s3_connection(StoreSettings("s3://lake"), ENVIRONMENT).anonymous


def test_a_token_of_the_environment_does_not_join_stated_keys() -> None:
    connection = s3_connection(STATED, ENVIRONMENT)
    assert connection.credentials is not None
    assert connection.credentials.session_token is None


def test_anonymous_is_stated_too() -> None:
    connection = s3_connection(StoreSettings("s3://lake", anonymous=True), ENVIRONMENT)
    assert connection.anonymous
    assert connection.credentials is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.8.8"])
def test_no_proxy_stands_before_this_machine(host: str) -> None:
    store = StoreSettings("s3://lake", f"http://{host}:9000", OWN)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        assert s3_connection(store, {name: "http://proxy:8080"}).proxy is None


def test_a_proxy_of_the_environment_is_used_elsewhere_and_its_exceptions_count() -> None:
    proxies = {"HTTPS_PROXY": "proxy:8080"}
    assert s3_connection(STATED, proxies).proxy == "http://proxy:8080"
    assert s3_connection(STATED, {**proxies, "no_proxy": ".data"}).proxy is None
    assert s3_connection(StoreSettings("s3://lake"), proxies).proxy == "http://proxy:8080"


def test_a_stated_proxy_or_none_at_all_wins() -> None:
    proxies = {"https_proxy": "http://proxy:8080"}
    assert s3_connection(StoreSettings("s3://lake", proxy="http://mine:1"), proxies).proxy == "http://mine:1"
    assert s3_connection(StoreSettings("s3://lake", proxy=""), proxies).proxy is None


def test_a_missing_file_of_certificates_is_named() -> None:
    with pytest.raises(StoreError, match="certificates"):
        s3_connection(StoreSettings("s3://lake", ca=Path("/nowhere/ca.pem")), {})
