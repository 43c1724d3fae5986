"""What may be deployed, and from which profile: refused here first, by the server at its start once more."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from seatrial.deploy.service_settings import ServiceSettings
from seatrial.errors import InputError, Problems, SeatrialError
from seatrial.models.signature import Signature
from seatrial.pipeline.project.cluster_profile import require_cluster_profile
from seatrial.pipeline.project.settings import ProfileSettings, ServiceChoice
from seatrial.releases.verify import Verification
from seatrial.serve.sampling.sampled_row import kept_inputs
from seatrial.stores.documents import from_json
from seatrial.stores.s3_connection import DEFAULT_REGION

SIGNATURE_JSON = "signature.json"


def prepare_service(
    verified: Verification, profile_name: str, profile: ProfileSettings, *, trust: str, path: str = "seatrial.toml"
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
    choices = {choice.name: getattr(profile.service, choice.name) for choice in fields(profile.service)}
    chosen = {key: value for key, value in choices.items() if value is not None}
    if store.credentials in (None, "none"):
        chosen["secret"] = None  # the pod's own identity opens the store, as this profile's user does
    try:
        _check_sample(verified, profile.service)
        return ServiceSettings(
            name=release.name,
            version=release.version,
            release_digest=digest,
            model_digest=release.model,
            verdict=outcome,
            waived_until=min((accepted.waiver.expires for accepted in verified.waivers), default=None)
            if verified.waived
            else None,
            image=image,
            store_url=store.url,
            endpoint=store.endpoint,
            certificates=None if store.ca is None else _certificates(store.ca, path),
            region=store.region or DEFAULT_REGION,
            trust=trust,
            context=None if profile.cluster is None else profile.cluster.context,
            **chosen,
        )
    except Problems as error:
        raise Problems([_within_profile(failure, profile_name, path) for failure in error.errors]) from None


def _check_sample(verified: Verification, service: ServiceChoice) -> None:
    """Raises `Problems` where the server of this release would refuse to keep such samples, and so to start."""
    if service.sample is None:
        return
    signature = from_json(Signature, verified.package[SIGNATURE_JSON], path=SIGNATURE_JSON)
    try:
        kept_inputs(signature, service.sample_without or ())
    except InputError as error:
        raise Problems([InputError(error.problem, path="service.sample_without", hint=error.hint)]) from None


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
