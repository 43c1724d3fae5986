"""What every S3 client is told: what the settings state, and the environment only where they say nothing.

obstore, Arrow, the reader of batches and Spark each have rules of their own for AWS_… and proxy variables. Here is one
rule for all of them; each client is then given every value explicitly, so that it has nothing left to look for.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed leaves it out

from seatrial.errors import StoreError
from seatrial.stores.settings import Credentials, StoreSettings
from seatrial.stores.store_url import Bucket, Folder, checked_endpoint, parse_store_url

DEFAULT_REGION = "us-east-1"
TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class S3Connection:
    """How one store is reached. Without credentials and not anonymous: by the role that the machine has."""

    endpoint: str | None  # None: AWS
    region: str
    credentials: Credentials | None
    anonymous: bool
    proxy: str | None = field(repr=False)  # it may hold a password
    ca: Path | None


def s3_connection(settings: StoreSettings, environment: Mapping[str, str]) -> S3Connection:
    """The connection that the settings state, completed from the environment."""
    endpoint = settings.endpoint or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    endpoint = checked_endpoint(endpoint or None)
    region = settings.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    credentials, anonymous = settings.credentials, settings.anonymous
    if credentials is None and not anonymous:
        anonymous = environment.get("AWS_SKIP_SIGNATURE", "").lower() in TRUE
        if not anonymous and environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
            credentials = Credentials(
                environment["AWS_ACCESS_KEY_ID"],
                environment["AWS_SECRET_ACCESS_KEY"],
                environment.get("AWS_SESSION_TOKEN") or None,
            )
    ca = settings.ca or (Path(bundle) if (bundle := environment.get("AWS_CA_BUNDLE")) else None)
    if ca is not None and not ca.is_file():
        raise StoreError("the file of certificates does not exist.", path=str(ca), hint="Correct the store's `ca`.")
    url = endpoint or f"https://s3.{region}.amazonaws.com"
    return S3Connection(
        endpoint, region, None if anonymous else credentials, anonymous, _proxy(settings.proxy, url, environment), ca
    )


def locate_store(settings: StoreSettings, environment: Mapping[str, str]) -> Folder | Bucket:
    """Where the store is; a bucket with the endpoint that is used."""
    place = parse_store_url(settings)
    return (
        place if isinstance(place, Folder) else replace(place, endpoint=s3_connection(settings, environment).endpoint)
    )


def tls_context(connection: S3Connection) -> ssl.SSLContext:
    """The system's certificates and the private ones."""
    return ssl.create_default_context() if connection.ca is None else trusting(connection.ca)


def trusting(ca: Path) -> ssl.SSLContext:
    """The system's certificates and those of the file; without any in it, a `StoreError`."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca)
    except (OSError, ssl.SSLError):
        raise StoreError(
            "the file does not hold certificates in PEM form.",
            path=str(ca),
            hint='Write them as "-----BEGIN CERTIFICATE-----" blocks.',
        ) from None
    return context


def _proxy(setting: str | None, url: str, environment: Mapping[str, str]) -> str | None:
    if setting is not None:
        return setting or None
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):  # no proxy is on this machine's own side of it
        return None
    lower = {name.lower(): value for name, value in environment.items() if name.lower().endswith("_proxy") and value}
    if proxy_bypass_environment(parts.netloc.rpartition("@")[2], {"no": lower.get("no_proxy", "")}):
        return None
    address = lower.get(f"{parts.scheme}_proxy") or lower.get("all_proxy")
    return None if address is None else address if "://" in address else f"http://{address}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
