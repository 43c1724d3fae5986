"""What a profile must say before its steps run on Azure ML, and which secrets they look for there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.errors import Problems
from seatrial.pipeline.project.azureml_profile import require_azureml_profile, secret_variables
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.project.settings import AzureMLChoice, BucketChoice, ProfileSettings, StoreChoice
from seatrial.prepare.spark_settings import SparkSettings

GOOD = ProfileSettings(
    store=StoreChoice("s3://lake/census", credentials="env"),
    catalog="env:CATALOG",
    image="registry.example/steps@sha256:" + "0" * 64,
    azureml=AzureMLChoice("cpu-cluster", key_vault="https://lake-keys.vault.azure.net"),
)


def problems(profile: ProfileSettings) -> list[str]:
    """What is told of a profile that lacks something."""
    with pytest.raises(Problems) as refused:
        require_azureml_profile("azure", profile, path="seatrial.toml")
    assert all(error.hint and error.path == "seatrial.toml" for error in refused.value.each)
    return [error.problem.removeprefix("[profile.azure] ") for error in refused.value.each]


def test_a_whole_profile_is_taken() -> None:
    require_azureml_profile("azure", GOOD, path="seatrial.toml")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"store": None}, "store: a cluster needs a store"),
        ({"image": "registry.example/steps:2"}, "image: "),
        ({"catalog": None}, "catalog: "),
        ({"azureml": None}, "azureml: it must say where the steps run"),
        ({"azureml": AzureMLChoice("cpu")}, "azureml.key_vault: the steps look for AWS_ACCESS_KEY_ID, AWS_SECRET"),
        ({"spark": SparkSettings(executors=2)}, "spark.executors: "),
        ({"test_uses": StoreChoice("s3://uses", ca="file:ca.pem")}, "test_uses.ca: pods do not see a file"),
    ],
)
def test_what_it_lacks_is_named(change: dict[str, object], problem: str) -> None:
    (told,) = problems(replace(GOOD, **change))  # type: ignore[arg-type]  # by key
    assert told.startswith(problem)


def test_all_that_is_missing_is_told_at_once() -> None:
    keys = [told.partition(":")[0] for told in problems(ProfileSettings())]
    assert keys == ["store", "image", "azureml", "catalog"]


def test_every_reference_to_a_variable_is_looked_for_in_the_vault() -> None:
    profile = replace(
        GOOD,
        store=StoreChoice("s3://lake", credentials={"access_key": "env:LAKE_KEY", "secret_key": "env:LAKE_SECRET"}),
        buckets={"raw": BucketChoice(credentials="env", proxy="env:PROXY"), "open": BucketChoice(credentials="none")},
        test_uses=StoreChoice("s3://uses", credentials={"session_token": "env:TOKEN"}),
    )
    assert secret_variables(profile) == (
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CATALOG", "LAKE_KEY", "LAKE_SECRET", "PROXY", "TOKEN"),
    )


def test_a_profile_of_open_stores_looks_for_nothing_and_needs_no_vault() -> None:
    store = StoreChoice("s3://lake", credentials="none")
    profile = replace(GOOD, store=store, catalog="https://catalog.example", azureml=AzureMLChoice("cpu"))
    assert secret_variables(profile) == ()
    require_azureml_profile("azure", profile, path="seatrial.toml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('compute = "a cluster"', "a compute must be 2 to 32 letters"),
        ('compute = "cpu", gpu_compute = "9"', "a compute must be 2 to 32 letters"),
        ('compute = "cpu", key_vault = "lake-keys"', "a key vault must be its address"),
        ('compute = "cpu", key_vault = "http://lake-keys.vault.azure.net"', "a key vault must be its address"),
        ('compute = "cpu", key_vault = "https://evil.example/vault.azure.net"', "a key vault must be its address"),
        ('compute = "cpu", signing_vault = "https://keys.vault.azure.net"', "must have a compute of its own"),
        ('compute = "cpu", key_vualt = "https://keys.vault.azure.net"', "key_vualt"),
        ('gpu_compute = "gpu"', "compute"),
    ],
)
def test_mistakes_in_the_file_stand_with_their_line(text: str, problem: str) -> None:
    with pytest.raises(Problems) as caught:
        parse_project(f'[project]\nname = "ships"\n[profile.azure]\nazureml = {{ {text} }}\n', Path("/project"))
    (error,) = caught.value.each
    assert problem in error.problem
    assert error.line == 4


@pytest.mark.parametrize("vault", ["https://a-1.vault.azure.cn", "https://keys.vault.usgovcloudapi.net/"])
def test_vaults_of_azures_other_clouds_are_taken(vault: str) -> None:
    text = f'[project]\nname = "ships"\n[profile.azure]\nazureml = {{ compute = "cpu", key_vault = "{vault}" }}\n'
    assert parse_project(text, Path("/project")).profiles["azure"].azureml == AzureMLChoice("cpu", key_vault=vault)
