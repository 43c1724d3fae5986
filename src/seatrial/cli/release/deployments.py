"""`seatrial deployments`."""

from __future__ import annotations

import dataclasses
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile, Trust
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from seatrial.deploy.running_services import RunningService

DIGITS = 12  # of a digest, for people


def command(
    *,
    affected_by: Annotated[
        str | None, Parameter(help="Only what rests on this digest: of a release, a model or an image.")
    ] = None,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """List what the cluster of a profile serves: release, verdict, digests, and the end of a waiver.

    It is read from the cluster itself. REVOKED: the deployer's trust.toml revokes the release; new pods of it do not
    start, those that run go on. A rollout that is under way shows both versions.

    For example:

        seatrial deployments --profile prod
        seatrial deployments --profile prod --affected-by sha256:51a7c0…
    """
    from seatrial.deploy.roll_out import services_of_profile
    from seatrial.deploy.running_services import parse_digest, running_services
    from seatrial.errors import Refused
    from seatrial.pipeline.open_release import trusted_by

    digest = None if affected_by is None else parse_digest(affected_by)
    services = services_of_profile(directory, profile)
    running = [service for service in running_services(services) if digest is None or service.rests_on(digest)]
    revoked: frozenset[str] | None = None
    try:
        revoked = frozenset(trusted_by(trust).revoked)
    except Refused:  # without a trust.toml
        print_lines("Without a trust.toml nobody says what is revoked.", file=sys.stderr)
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if json:
        rows = [
            {**dataclasses.asdict(each), "revoked": None if revoked is None else each.digest in revoked}
            for each in running
        ]
        print_json({"namespace": services.name, "deployments": rows})
        return 0
    for service in running:
        print_lines(_line(service, revoked=service.digest in (revoked or ()), moment=moment))
    call = Call(profile=profile, directory=directory)
    if not running:
        which = " that rests on it" if affected_by else ""
        print_lines(f"Nothing of Seatrial's{which} runs in the namespace {services.name!r}.")
    print_lines(f"Next: {call.then('verify', running[0].release) if running else call.then('releases')}")
    return 0


def _line(service: RunningService, *, revoked: bool, moment: str) -> str:
    waiver = ""
    if service.waived_until is not None:
        waiver = f"  waived until {service.waived_until}" if service.waived_until > moment else "  WAIVER ENDED"
    return (
        f"{service.deployment:20}  {service.target:8}  {service.release:16}  {service.verdict:12}  "
        f"{service.ready}/{service.pods} ready  release {service.digest[:DIGITS]}…  "
        f"image {service.image.rpartition('@sha256:')[2][:DIGITS]}…{waiver}{'  REVOKED' if revoked else ''}"
    )
