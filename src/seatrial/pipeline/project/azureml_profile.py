"""What a profile must say before a run of it goes to Azure ML, and which secrets its steps look for there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seatrial.pipeline.project.cluster_profile import Lack, raise_lacks, shared_by_machines, store_and_image
from seatrial.pipeline.project.settings import AzureMLChoice, BucketChoice, ProfileSettings, StoreChoice

COMPUTE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{1,31}")
# Azure's clouds: public, China, US government. A vault's name is 3 to 24 letters, digits and hyphens.
_VAULT = re.compile(
    r"https://[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)/?"
)
_USUAL = {"access_key": "env:AWS_ACCESS_KEY_ID", "secret_key": "env:AWS_SECRET_ACCESS_KEY"}


def azureml_mistake(azureml: AzureMLChoice) -> tuple[str, str, str] | None:
    """The key that is wrong, how, and the hint."""
    for key in ("compute", "gpu_compute", "release_compute"):
        name = getattr(azureml, key)
        if name is not None and not COMPUTE_NAME.fullmatch(name):
            return (
                key,
                f'a compute must be 2 to 32 letters, digits and -, got "{name}".',
                "Give the name that `az ml compute list` shows.",
            )
    for key in ("key_vault", "signing_vault"):
        vault = getattr(azureml, key)
        if vault is not None and not _VAULT.fullmatch(vault):
            return key, f'a key vault must be its address, got "{vault}".', 'Write "https://NAME.vault.azure.net".'
    if azureml.signing_vault is not None and azureml.release_compute is None:
        return (
            "signing_vault",
            "the release step must have a compute of its own: on a shared one every step reads what its identity may.",
            'Write release_compute = "…", whose identity alone may read that vault.',
        )
    return None


def require_azureml_profile(name: str, profile: ProfileSettings, *, path: str) -> None:
    """Raises `Problems` with each key that a run on Azure ML needs and this profile lacks."""
    lacks = [*store_and_image(profile), *_azureml(profile), *shared_by_machines(profile, "azureml.key_vault")]
    raise_lacks(name, lacks, path=path)


def secret_variables(profile: ProfileSettings) -> tuple[str, ...]:
    """The environment variables in which the profile's references look for secrets."""
    stores: list[StoreChoice | BucketChoice] = [*profile.buckets.values()]
    stores += [store for store in (profile.store, profile.test_uses) if store is not None]
    references = [profile.catalog, *(store.proxy for store in stores)]
    for store in stores:
        if store.credentials == "env":
            references += _USUAL.values()
        elif isinstance(store.credentials, Mapping):
            references += {**_USUAL, **store.credentials}.values()
    names = {text.removeprefix("env:") for text in references if text is not None and text.startswith("env:")}
    return tuple(sorted(names))


def _azureml(profile: ProfileSettings) -> Iterator[Lack]:
    if profile.azureml is None:
        yield (
            "azureml",
            "it must say where the steps run.",
            'Write azureml = { compute = "…", key_vault = "https://…" }.',
        )
    elif profile.azureml.key_vault is None and (names := secret_variables(profile)):
        yield (
            "azureml.key_vault",
            f"the steps look for {', '.join(names)}, and Azure ML gives jobs no secrets of its own.",
            'Put them into a key vault, and write key_vault = "https://NAME.vault.azure.net".',
        )
    if profile.spark.executors_are_pods:
        yield (
            "spark.executors",
            "executors are pods of a cluster, and Azure ML has none.",
            "Leave it out in this profile: Spark then runs within the step's machine.",
        )
