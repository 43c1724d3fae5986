"""A project opened under a profile: its store and catalog, ready to use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seatrial.errors import InputError
from seatrial.pipeline.local_store import FOLDER, local_store
from seatrial.pipeline.project.project_file import find_profile, load_project
from seatrial.pipeline.project.settings import ProfileSettings, Project, StoreChoice
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.settings import CatalogSettings, Credentials, StoreSettings
from seatrial.trial.test_uses.ledger_address import ledger_address

STATE_FOLDER = (
    ".seatrial"  # what this machine knows of the project: store, catalog, logs; safe to delete, with the data
)
DIGITS_OF_STORE = 12  # a project knows a handful of stores
STATE_VARIABLE = "SEATRIAL_STATE"  # another place for it: in a container the project's folder is read-only


@dataclass(frozen=True, slots=True)
class Workspace:
    """What commands work in. `state` is this machine's folder for the project."""

    project: Project
    profile_name: str
    profile: ProfileSettings
    store: StoreSettings
    catalog: CatalogSettings
    objects: Objects
    state: Path


@contextmanager
def open_workspace(directory: Path, profile: str = "local") -> Iterator[Workspace]:
    """Opens the project in `directory`; holds the embedded store, and starts it, where `local_store` says so."""
    project = load_project(directory)
    with open_project(project, profile) as workspace:
        yield workspace


@contextmanager
def open_project(project: Project, profile: str) -> Iterator[Workspace]:
    """Opens a project that was read before."""
    from seatrial.stores.embedded.lease import embedded_store
    from seatrial.stores.obstore_objects import open_objects

    chosen = find_profile(project, profile)
    state = state_folder(project.directory, os.environ)
    state.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if chosen.store is not None:
            store = store_settings(chosen.store, project.directory, os.environ)
        elif local_store(project, state) == "embedded":
            store = stack.enter_context(embedded_store(state, project.name))
        else:
            store = StoreSettings(url=(state / FOLDER).resolve().as_uri())
        yield Workspace(
            project=project,
            profile_name=profile,
            profile=chosen,
            store=store,
            catalog=catalog_settings(
                chosen.catalog or _sqlite(chosen.store, store, state), store, project.directory, os.environ
            ),
            objects=open_objects(store),
            state=state,
        )


def bucket_settings(workspace: Workspace, address: str) -> StoreSettings:
    """How the bucket of an s3:// address is reached: as the profile says of it, else as the profile's own store.

    Where the profile says nothing of either, the environment counts.
    """
    bucket = address.removeprefix("s3://").partition("/")[0]
    url = f"s3://{bucket}"
    if (choice := workspace.profile.buckets.get(bucket)) is not None:
        return store_settings(choice.store(bucket), workspace.project.directory, os.environ)
    if workspace.profile.store is not None and workspace.store.url.startswith("s3://"):
        return replace(workspace.store, url=url)
    return StoreSettings(url)


def bucket_authorities(workspace: Workspace) -> tuple[Path, ...]:
    """The private certificates that the profile names for other buckets; nothing else of these is looked up."""
    directory = workspace.project.directory
    return tuple(
        ca_file(bucket.ca, directory) for bucket in workspace.profile.buckets.values() if bucket.ca is not None
    )


def ca_file(ca: str, directory: Path) -> Path:
    """The file of certificates that `file:PATH` in a project of `directory` names."""
    return directory / Path(ca.removeprefix("file:")).expanduser()


def state_folder(directory: Path, environment: Mapping[str, str]) -> Path:
    """Where this machine keeps what it knows of the project in `directory`."""
    return Path(environment.get(STATE_VARIABLE) or directory / STATE_FOLDER)


def store_settings(choice: StoreChoice, directory: Path, environment: Mapping[str, str]) -> StoreSettings:
    """The store that a profile names, with its secrets looked up."""
    if choice.url.startswith("file:"):
        folder = _folder(choice, directory)
        folder.mkdir(parents=True, exist_ok=True)
        return StoreSettings(url=folder.as_uri())
    credentials = None
    if choice.credentials is not None and choice.credentials != "none":
        references = {} if isinstance(choice.credentials, str) else dict(choice.credentials)
        credentials = _look_up_credentials(references, directory, environment)
    proxy = choice.proxy
    if proxy is not None:
        proxy = "" if proxy == "none" else proxy
        proxy = look_up(proxy, directory, environment) if proxy.startswith(("env:", "file:")) else proxy
    ca = None if choice.ca is None else ca_file(choice.ca, directory)
    return StoreSettings(
        choice.url,
        choice.endpoint,
        credentials,
        choice.region,
        anonymous=choice.credentials == "none",
        proxy=proxy,
        ca=ca,
    )


def ledger_settings(workspace: Workspace, environment: Mapping[str, str]) -> StoreSettings | None:
    """The store where uses of test data count with those of others, as the profile names it; None: nowhere."""
    choice, directory = workspace.profile.test_uses, workspace.project.directory
    if choice is None:
        return None
    if choice.url.startswith("file:"):  # never made here: in a new folder the count would begin anew
        return StoreSettings(url=_folder(choice, directory).as_uri())
    return store_settings(choice, directory, environment)


def ledger_place(workspace: Workspace, environment: Mapping[str, str]) -> str | None:
    """The address of that store, without secrets; `StoreError` where it is a folder that does not exist."""
    settings = ledger_settings(workspace, environment)
    return None if settings is None else ledger_address(settings, named_in=ledger_key(workspace))


def ledger_key(workspace: Workspace) -> str:
    """The key that names that store, for errors."""
    return f"{workspace.project.path}: [profile.{workspace.profile_name}] test_uses"


def _folder(choice: StoreChoice, directory: Path) -> Path:
    return (directory / choice.url.removeprefix("file://").removeprefix("file:")).resolve()


def _look_up_credentials(
    references: Mapping[str, str], directory: Path, environment: Mapping[str, str] | None = None
) -> Credentials:
    """The credentials behind references; what is left out is as in the usual variables.

    They can be looked up again where a reference names a file, which somebody may write anew before they expire.
    """
    variables = os.environ if environment is None else environment
    session_token = None
    if "session_token" in references:
        session_token = look_up(references["session_token"], directory, variables) or None
    elif "access_key" not in references:  # a token belongs to its key
        session_token = variables.get("AWS_SESSION_TOKEN") or None
    return Credentials(
        look_up(references.get("access_key", "env:AWS_ACCESS_KEY_ID"), directory, variables),
        look_up(references.get("secret_key", "env:AWS_SECRET_ACCESS_KEY"), directory, variables),
        session_token,
        renew=partial(_look_up_credentials, dict(references), directory)
        if any(reference.startswith("file:") for reference in references.values())
        else None,
    )


def catalog_settings(
    choice: str, store: StoreSettings, directory: Path, environment: Mapping[str, str]
) -> CatalogSettings:
    """The catalog at an address, or at the one that a reference means."""
    uri = choice
    if uri.startswith(("env:", "file:")):
        uri = look_up(uri, directory, environment)
    return CatalogSettings(uri=uri, warehouse=f"{store.url.rstrip('/')}/warehouse", store=store)


def _sqlite(choice: StoreChoice | None, store: StoreSettings, state: Path) -> str:
    """The catalog of a profile without one, a file a store: a table stays in the store where it was first made."""
    name = "catalog"
    if choice is not None:  # the embedded store's port changes, so it goes without
        name += f"-{sha256(to_json((store.url, store.endpoint)))[:DIGITS_OF_STORE]}"
    return f"sqlite:///{state / name}.db"


def look_up(reference: str, directory: Path, environment: Mapping[str, str]) -> str:
    """The secret behind "env:NAME" or "file:PATH", from the project's `directory`; the error never has a value."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name in environment:
            return environment[name]
        raise InputError(f"the environment variable {name} is not set.", path=reference, hint=f"Set {name}.")
    try:
        return (directory / Path(name).expanduser()).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}.", path=reference, hint="Correct the path."
        ) from None
    except UnicodeDecodeError:
        raise InputError("the file is not a text in UTF-8.", path=reference, hint="Correct the path.") from None
