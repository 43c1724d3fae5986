"""Inputs by full address: which connection a bucket is given, and what its pattern matches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.errors import InputError, Problems
from seatrial.pipeline.jobs.job import pin_objects
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.steps.declaration import Files
from seatrial.pipeline.workspace import Workspace, bucket_settings, open_project
from seatrial.prepare.other_buckets import conf_of_bucket
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.s3_connection import s3_connection
from seatrial.stores.settings import Credentials, StoreSettings

PROJECT = """
[project]
name = "ships"
[profile.prod.store]
url = "s3://lake/ships"
endpoint = "http://lake:9000"
credentials = { access_key = "env:LAKE_KEY", secret_key = "env:LAKE_SECRET" }
[profile.prod.buckets.other]
endpoint = "http://other:9000"
credentials = { access_key = "env:OTHER_KEY", secret_key = "env:OTHER_SECRET" }
[profile.plain]
store = { url = "file:store" }
"""


def workspace(folder: Path, monkeypatch: pytest.MonkeyPatch, profile: str) -> Workspace:
    for name in ("LAKE_KEY", "LAKE_SECRET", "OTHER_KEY", "OTHER_SECRET"):
        monkeypatch.setenv(name, name.lower())
    with open_project(parse_project(PROJECT, folder), profile) as opened:
        return opened


def test_a_named_bucket_has_its_own_endpoint_and_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = bucket_settings(workspace(tmp_path, monkeypatch, "prod"), "s3://other/raw/*.csv")
    assert (found.url, found.endpoint) == ("s3://other", "http://other:9000")
    assert found.credentials is not None
    assert (found.credentials.access_key, found.credentials.secret_key) == ("other_key", "other_secret")


def test_any_other_bucket_is_reached_as_the_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = workspace(tmp_path, monkeypatch, "prod")
    found = bucket_settings(opened, "s3://archive/2024/a.csv")
    assert found == replace(opened.store, url="s3://archive")


def test_without_a_store_in_the_profile_the_environment_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bucket_settings(workspace(tmp_path, monkeypatch, "plain"), "s3://a/b") == StoreSettings("s3://a")


def test_a_pattern_by_full_address_is_matched_from_the_root_of_its_bucket(tmp_path: Path) -> None:
    objects = open_objects(StoreSettings(url=tmp_path.as_uri()))
    for key in ("raw/a.csv", "raw/b.csv", "raw/old/c.csv"):
        objects.put(key, b"x")
    assert set(pin_objects(objects, Files("s3://other/raw/*.csv"), "step").etags) == {"raw/a.csv", "raw/b.csv"}
    with pytest.raises(InputError, match=r"no file in the bucket 'other' matches 'raw/\*\.json'"):
        pin_objects(objects, Files("s3://other/raw/*.json"), "step")


def test_the_bucket_of_a_file_enters_no_key_but_its_content_does(tmp_path: Path) -> None:
    objects = open_objects(StoreSettings(url=tmp_path.as_uri()))
    objects.put("raw/a.csv", b"x")
    digests = {pin_objects(objects, Files(f"{place}raw/*.csv"), "step").digest for place in ("", "s3://other/")}
    assert len(digests) == 1
    objects.put("raw/a.csv", b"xy")
    assert pin_objects(objects, Files("s3://other/raw/*.csv"), "step").digest not in digests


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('other = { endpoint = "minio:9000" }', r'buckets\.other\.endpoint: endpoint "minio:9000" lacks a scheme'),
        ('other = { credentials = { secret_key = "hunter2" } }', r"a secret stands in it"),
        ('"s3://other" = { }', "a bucket's name must not be empty or hold"),
        ('other = { endpont = "http://a" }', "unknown key"),
    ],
)
def test_mistakes_in_a_bucket_are_told_with_their_place(tmp_path: Path, written: str, message: str) -> None:
    with pytest.raises(Problems, match=message) as raised:
        parse_project(f'[project]\nname = "ships"\n[profile.prod.buckets]\n{written}\n', tmp_path)
    assert "hunter2" not in str(raised.value)


def test_spark_is_told_everything_of_a_bucket_that_the_store_might_have_otherwise() -> None:
    keys = Credentials("a", "b", "c")
    conf = conf_of_bucket(s3_connection(StoreSettings("s3://o", "http://o:1", keys, proxy=""), {}))
    assert conf["endpoint"] == "http://o:1"
    assert (conf["access.key"], conf["secret.key"], conf["session.token"]) == ("a", "b", "c")
    of_aws = conf_of_bucket(s3_connection(StoreSettings("s3://o", region="eu-west-1"), {}))
    assert (of_aws["endpoint"], of_aws["path.style.access"], of_aws["endpoint.region"]) == (
        "s3.amazonaws.com",
        "false",
        "eu-west-1",
    )
    assert of_aws["aws.credentials.provider"].endswith("IAMInstanceCredentialsProvider")
