"""What may be deployed, and from which profile: refused here first, by the server at its start once more."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import InputError, Problems, SeatrialError
from seatrial.pipeline.project.settings import ProfileSettings
from seatrial.releases.verify import Verified
from seatrial.stores.s3_connection import DEFAULT_REGION

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")  # noqa: S104 — compared with, not bound to


def require_cluster_profile(name: str, profile: ProfileSettings, *, path: str) -> None:
    """Raises `Problems` with each key that a service on a cluster needs and this profile lacks."""
    problems: list[SeatrialError] = []

    def lacks(key: str, problem: str, hint: str) -> None:
        problems.append(InputError(f"[profile.{name}] {key}: {problem}", path=path, hint=hint))

    if profile.store is None:
        lacks(
            "store",
            "a cluster needs a store of its own: it does not reach the embedded one.",
            'Write store = { url = "s3://bucket/prefix", endpoint = "https://…", credentials = "env" }.',
        )
    elif profile.store.url.startswith("file:"):
        lacks("store", f'a cluster does not reach "{profile.store.url}".', 'Name one at "s3://bucket/prefix".')
    elif profile.store.endpoint is not None and _is_local(profile.store.endpoint):
        lacks("store", f'"{profile.store.endpoint}" is this machine only.', "Name the address that the cluster knows.")
    if profile.image is None:
        lacks(
            "image", "a cluster needs an image to run.", 'Write image = "registry/name@sha256:…", pinned by its digest.'
        )
    elif "@sha256:" not in profile.image:
        lacks("image", f'"{profile.image}" can change its content.', 'Pin it: "NAME@sha256:…".')
    if problems:
        raise Problems(problems)


def prepare_service(
    verified: Verified, profile_name: str, profile: ProfileSettings, *, trust: str, path: str = "seatrial.toml"
) -> ServiceSettings:
    """The service of a release that verifies and may be deployed.

    `trust` is the text of the trust.toml it was verified with: the server verifies with the same. `path` is the
    project file that errors name. Raises `Refused` for the release, `Problems` for the profile.
    """
    verified.require_deployable()
    require_cluster_profile(profile_name, profile, path=path)
    release, digest, outcome = verified.release, verified.digest, verified.outcome
    store, image = profile.store, profile.image
    if release is None or digest is None or outcome is None or store is None or image is None:
        raise AssertionError("a deployable release has all of this, and so has the profile")
    chosen = {key: value for key, value in asdict(profile.service).items() if value is not None}
    if store.credentials in (None, "none"):
        chosen["secret"] = None  # the pod's own identity opens the store, as this profile's user does
    try:
        return ServiceSettings(
            name=release.name,
            version=release.version,
            release_digest=digest,
            model_digest=release.model,
            verdict=outcome,
            waived_until=min((one.waiver.expires for one in verified.waivers), default=None)
            if verified.waived
            else None,
            image=image,
            store_url=store.url,
            endpoint=store.endpoint,
            certificates=None if store.ca is None else _certificates(store.ca, path),
            region=store.region or DEFAULT_REGION,
            trust=trust,
            **chosen,
        )
    except Problems as error:
        raise Problems([_within_profile(one, profile_name, path) for one in error.errors]) from None


def _certificates(reference: str, path: str) -> str:
    """The text of the file that `ca` in the project file `path` names; a service cannot read files of this machine."""
    file = Path(path).parent / Path(reference.removeprefix("file:")).expanduser()
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise InputError(
            "the store's certificates cannot be read.", path=str(file), hint="Correct the store's `ca`."
        ) from None


def _within_profile(error: SeatrialError, profile_name: str, path: str) -> InputError:
    return InputError(f"[profile.{profile_name}] {error.path}: {error.problem}", path=path, hint=error.hint)


def _is_local(endpoint: str) -> bool:
    host = endpoint.partition("://")[2].partition("/")[0]
    return host in LOCAL_HOSTS or host.rpartition(":")[0] in LOCAL_HOSTS
