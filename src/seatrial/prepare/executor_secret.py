"""What a driver and its executors know and nobody else does, so that they talk to each other alone.

Whoever reaches a driver's port is told Spark's settings, the store's keys among them, unless Spark asks for a secret
first. Both sides derive it from the store's own key (HMAC-SHA-256, RFC 2104), which their pods have as variables: it
stands in no manifest, argument or store.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from seatrial.cluster.restricted_pod import SCRATCH_FOLDER
from seatrial.stores.s3_connection import S3Connection

SECRET_FILE = Path(SCRATCH_FOLDER) / "seatrial-spark-secret"  # the same in all pods: Spark hands the path on
PURPOSE = b"seatrial spark "


def write_secret(connection: S3Connection | None, driver: str) -> Path | None:
    """The file with the secret of the session of this driver's pod; None where the pods share no lasting key.

    Keys that change while a program runs are not shared: an executor may begin an hour after its driver.
    """
    credentials = None if connection is None else connection.credentials
    if credentials is None or credentials.renew is not None or credentials.session_token is not None:
        return None
    SECRET_FILE.touch(mode=0o600)
    SECRET_FILE.write_text(hmac.new(credentials.secret_key.encode(), PURPOSE + driver.encode(), "sha256").hexdigest())
    return SECRET_FILE


def conf_of_secret(secret: Path | None) -> dict[str, str]:
    """What Spark is told of it."""
    if secret is None:
        return {}
    return {
        "spark.authenticate": "true",
        "spark.authenticate.secret.file": str(secret),
        "spark.network.crypto.enabled": "true",
    }
