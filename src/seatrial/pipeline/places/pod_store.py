"""How a pod is told of the store: by its environment, before it has the project's code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from seatrial.errors import InputError
from seatrial.pipeline.project.settings import Project, StoreChoice
from seatrial.pipeline.workspace import store_settings
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.settings import StoreSettings

STORE_VARIABLE = "SEATRIAL_STORE"  # the profile's `store` as JSON: references, never secrets
CA_VARIABLE = "SEATRIAL_STORE_CA"  # the certificates that its `ca` means
CA_FILE = "ca.pem"


def store_variables(choice: StoreChoice, directory: Path) -> dict[str, str]:
    """The environment by which a pod opens the store of the profile of the project in `directory`."""
    settings = {key: value for key, value in asdict(choice).items() if value is not None}
    variables = {STORE_VARIABLE: to_json(settings).decode()}
    if choice.ca is not None:
        variables[CA_VARIABLE] = (directory / Path(choice.ca.removeprefix("file:")).expanduser()).read_text("ascii")
    return variables


def open_store(folder: Path, environment: Mapping[str, str]) -> tuple[Objects, StoreSettings]:
    """The store that the environment names, and its settings; `folder` gets the certificates that it trusts."""
    from seatrial.stores.obstore_objects import open_objects

    if STORE_VARIABLE not in environment:
        raise InputError(
            f"the environment variable {STORE_VARIABLE} must hold the store as JSON, and is not set.",
            hint="--code and --job are for pods: leave them out, and name the project by --directory.",
        )
    choice = from_json(StoreChoice, environment[STORE_VARIABLE].encode(), path=STORE_VARIABLE)
    if CA_VARIABLE in environment:
        (folder / CA_FILE).write_text(environment[CA_VARIABLE], "ascii")
        choice = replace(choice, ca=f"file:{folder / CA_FILE}")
    settings = store_settings(choice, folder, environment)
    return open_objects(settings), settings


def within_pod(project: Project, profile: str, folder: Path) -> Project:
    """The project as a pod sees it: in the cluster that the pod is in, and with the store's certificates there."""
    settings = project.profiles[profile]
    if settings.cluster is not None:
        settings = replace(settings, cluster=replace(settings.cluster, context=None))
    if settings.store is not None and settings.store.ca is not None:
        settings = replace(settings, store=replace(settings.store, ca=f"file:{folder / CA_FILE}"))
    return replace(project, profiles={**project.profiles, profile: settings})
