"""Whether a listing was whole.

A gateway can answer a listing with status 200 and an `<Error>` in it, which obstore reads as a folder without objects.
So what comes after the last key is asked for once more, and that answer is looked at.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from datetime import timedelta
from xml.sax.saxutils import unescape  # no parsing: five entities

from seatrial.stores.s3_connection import S3Connection, tls_context
from seatrial.stores.s3_refusal import read_refusal, refusal_error
from seatrial.stores.s3_signature import presigned_url
from seatrial.stores.store_url import Bucket

TIMEOUT_S = 60.0
SIGNED_FOR = timedelta(minutes=15)
LARGEST_ANSWER_BYTES = 2**20  # it has one key at most
_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_ERROR = re.compile(rb"<Error[\s>]")


def is_whole_listing(connection: S3Connection, bucket: Bucket, prefix: str, last: str | None) -> bool:
    """Whether no object below `prefix` comes after the key `last`; both are whole keys of the bucket.

    Raises the error that an answer of status 200 tells. True where nobody can be asked: by a role, or when the store
    fails in another way, which the listing itself would have told.
    """
    if connection.credentials is None and not connection.anonymous:
        return True
    query = {"list-type": "2", "max-keys": "1", "prefix": prefix} | ({} if last is None else {"start-after": last})
    url = presigned_url(connection, bucket.name, "", valid_for=SIGNED_FOR, query=query)
    proxies = {} if connection.proxy is None else {"http": connection.proxy, "https": connection.proxy}
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=tls_context(connection))
    )
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            body = answer.read(LARGEST_ANSWER_BYTES)
    except (urllib.error.URLError, OSError):
        return True
    if _ERROR.search(body):
        where = f"{bucket.endpoint or 'the provider’s endpoint'}, bucket {bucket.name}"
        raise refusal_error(read_refusal(body), where, path=f"s3://{bucket.name}/{prefix}")
    # A server that passes over `start-after` answers with earlier keys: they tell nothing.
    return not any(last is None or unescape(key.decode()) > last for key in _KEY.findall(body))
