"""What a profile may not leave to a file of this machine, where its steps are pods."""

from __future__ import annotations

import pytest

from seatrial.errors import Problems
from seatrial.pipeline.project.cluster_profile import require_cluster_profile
from seatrial.pipeline.project.settings import BucketChoice, ClusterChoice, ProfileSettings, StoreChoice

IMAGE = "registry.example/steps@sha256:" + "0" * 64
KEYS = {"access_key": "env:KEY", "secret_key": "file:secret"}


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("store.credentials.secret_key", {"store": StoreChoice("s3://lake", credentials=KEYS)}),
        ("store.proxy", {"store": StoreChoice("s3://lake", proxy="file:proxy")}),
        ("buckets.raw.ca", {"buckets": {"raw": BucketChoice(ca="file:ca.pem")}}),
        ("buckets.raw.credentials.secret_key", {"buckets": {"raw": BucketChoice(credentials=KEYS)}}),
        ("test_uses.ca", {"test_uses": StoreChoice("s3://uses", ca="file:ca.pem")}),
        ("catalog", {"catalog": "file:catalog"}),
    ],
)
def test_files_of_this_machine_are_refused_by_their_key(key: str, settings: dict[str, object]) -> None:
    usual = {"store": StoreChoice("s3://lake", ca="file:ca.pem"), "catalog": "env:CATALOG", "image": IMAGE}
    profile = ProfileSettings(**{**usual, "cluster": ClusterChoice(), **settings})  # type: ignore[arg-type]  # by key
    with pytest.raises(Problems) as refused:
        require_cluster_profile("prod", profile, path="seatrial.toml", runs=True)
    assert [error.problem for error in refused.value.each] == [
        f"[profile.prod] {key}: pods do not see a file of this machine."
    ]
