"""The secret between a driver and its executors."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.prepare import executor_secret
from seatrial.prepare.executor_secret import conf_of_secret, write_secret
from seatrial.stores.s3_connection import S3Connection
from seatrial.stores.settings import Credentials

KEY = Credentials("KEY-3141", "SECRET-5926")
CONNECTION = S3Connection("http://minio:9000", "us-east-1", KEY, anonymous=False, proxy=None, ca=None)


@pytest.fixture(autouse=True)
def secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(executor_secret, "SECRET_FILE", tmp_path / "secret")
    return tmp_path / "secret"


def test_both_sides_derive_the_same_and_other_drivers_another(secret_file: Path) -> None:
    secrets = []
    for driver in ("one", "one", "two"):
        assert write_secret(CONNECTION, driver) == secret_file
        secrets.append(secret_file.read_text())
    assert secrets[0] == secrets[1] != secrets[2]
    assert KEY.secret_key not in secrets[0]
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    assert conf_of_secret(secret_file)["spark.authenticate.secret.file"] == str(secret_file)


@pytest.mark.parametrize(
    "connection",
    [
        None,
        replace(CONNECTION, credentials=None),
        replace(CONNECTION, credentials=replace(KEY, session_token="TOKEN")),
        replace(CONNECTION, credentials=replace(KEY, renew=lambda: KEY)),
    ],
    ids=["a folder", "the pod's identity", "temporary keys", "keys that change"],
)
def test_what_the_pods_do_not_share_makes_no_secret(connection: S3Connection | None) -> None:
    assert write_secret(connection, "one") is None
    assert conf_of_secret(None) == {}
