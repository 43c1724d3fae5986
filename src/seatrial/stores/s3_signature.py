"""URLs signed with AWS Signature Version 4, by the standard library.

"Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", Amazon S3 API reference. Pure: it needs no
runtime, so it works in a forked process too, and sees no environment.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from seatrial.stores.s3_connection import S3Connection

ALGORITHM = "AWS4-HMAC-SHA256"
DEFAULT_PORTS = {"http": 80, "https": 443}


def presigned_url(
    connection: S3Connection,
    bucket: str,
    key: str,
    *,
    valid_for: timedelta,
    query: Mapping[str, str] | None = None,
    now: datetime | None = None,
    method: str = "GET",
) -> str:
    """The path-style URL of an object ("" for the bucket), signed unless the connection is anonymous.

    The connection must have credentials or be anonymous.
    """
    endpoint = connection.endpoint or f"https://s3.{connection.region}.amazonaws.com"
    parts = urlsplit(endpoint)
    path = f"{parts.path.rstrip('/')}/{quote(bucket)}" + (f"/{quote(key, safe='/~')}" if key else "")
    base = f"{parts.scheme}://{parts.netloc}{path}"
    parameters = dict(query or {})
    if connection.anonymous or connection.credentials is None:
        return f"{base}?{_canonical(parameters)}" if parameters else base
    credentials = connection.credentials
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{connection.region}/s3/aws4_request"
    parameters |= {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(int(valid_for.total_seconds())),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if parts.port is not None and parts.port != DEFAULT_PORTS.get(parts.scheme):
        host += f":{parts.port}"
    request = "\n".join([method, path, _canonical(parameters), f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"])
    to_sign = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, to_sign.encode(), "sha256").hex()
    return f"{base}?{_canonical(parameters)}&X-Amz-Signature={signature}"


def _canonical(query: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)
