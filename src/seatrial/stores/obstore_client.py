"""An obstore client that does what the connection says, whatever AWS_… and proxy variables there are.

obstore starts from every AWS_… variable that it knows, so each of those that would change where a request goes, or how
it is signed, is given a value here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.errors import StoreError
from seatrial.stores.s3_connection import S3Connection
from seatrial.stores.settings import Credentials

# For how long obstore uses credentials that can change before it asks for them again; S3's own last 15 minutes or more.
CREDENTIALS_FOR = timedelta(minutes=6)
# There is no other way to say "none": a proxy that no name and no address goes through.
NO_PROXY = {"proxy_url": "http://127.0.0.1:9", "proxy_excludes": "*,0.0.0.0/0,::/0"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits, and how often it tries again."""

    connect: timedelta
    silence: timedelta  # no byte of an answer for so long: the request has failed
    request: timedelta
    retries: int
    retry_for: timedelta


def open_bucket(connection: S3Connection, bucket: str, patience: Patience, *, prefix: str = "") -> Any:
    """The obstore client of one bucket."""
    from obstore.store import S3Store

    secure = connection.endpoint is None or connection.endpoint.startswith("https://")
    options: dict[str, Any] = {
        "allow_http": not secure,
        "connect_timeout": patience.connect,
        "read_timeout": patience.silence,
        "timeout": patience.request,
        **(NO_PROXY if connection.proxy is None else {"proxy_url": connection.proxy}),
    }
    if connection.ca is not None:
        try:
            options["root_certificate"] = connection.ca.read_bytes()
        except OSError as error:
            raise StoreError(f"the file cannot be read: {error.strerror}.", path=str(connection.ca)) from None
    config: dict[str, Any] = {
        "region": connection.region,
        "skip_signature": connection.anonymous,
        "virtual_hosted_style_request": False,
        "s3_express": False,
        "unsigned_payload": False,
        "conditional_put": "etag",
    }
    if connection.endpoint is not None:
        config |= {"endpoint": connection.endpoint, "aws_endpoint_url_s3": connection.endpoint}
    provider = None if connection.credentials is None else _provider(connection.credentials)
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options=options,
        retry_config={"max_retries": patience.retries, "retry_timeout": patience.retry_for},
        credential_provider=provider,
        **config,
    )


def _provider(credentials: Credentials) -> Callable[[], dict[str, Any]]:
    """Credentials by call: given as values, obstore would add a session token of the environment to them."""

    def current() -> dict[str, Any]:
        now = credentials.renewed()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.session_token,
            "expires_at": None if credentials.renew is None else datetime.now(UTC) + CREDENTIALS_FOR,
        }

    return current
