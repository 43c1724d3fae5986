"""`seatrial waive`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Profile, Trust
from seatrial.cli.output import print_lines


def command(
    release: str | None = None,
    /,
    *,
    requirement: Annotated[str, Parameter(help="Its number in the policy, from 1, or words of it.")],
    reason: Annotated[str, Parameter(help="Why, for whoever reads it later.")],
    days: Annotated[int, Parameter(help="How long it lasts: 1 to 30.")],
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
) -> int:
    """Sign an exception for one requirement, with a reason and an end. The verdict stays what it is.

    Without RELEASE: the project's newest. It is signed by this account's waiver key (`seatrial keys new --role waiver`)
    and holds wherever a trust.toml trusts that key with the role waiver.

    For example:

        seatrial waive census@1 --requirement 3 --reason "pilot with ten users, reviewed weekly" --days 14
    """
    from seatrial.pipeline.open_release import open_release, trusted_by
    from seatrial.releases.keys import require_key, seatrial_home
    from seatrial.releases.verify import verify
    from seatrial.releases.waive import waive

    now, trusted = datetime.now(UTC), trusted_by(trust)
    key = require_key(seatrial_home(os.environ), "waiver")
    with open_release(release, directory=directory, profile=profile) as source:
        waived = waive(
            source,
            verify(source, trusted, now=now),
            requirement,
            reason=reason,
            days=days,
            key=key,
            now=now,
        )
        verified = verify(source, trusted, now=now)
    call = Call(profile=profile, directory=directory, trust=trust)
    print_lines(f"Waived until {waived.expires}, for {waived.title}: {waived.text}")
    if waived.text not in verified.waived:
        print_lines("This account's trust.toml does not trust the waiver key, so it does not hold here yet.")
        print_lines("Next: seatrial keys export --role waiver, and put what it prints into trust.toml")
    elif verified.deployable:
        print_lines(f"Next: {call.then('verify', verified.label)}")
    else:
        print_lines("Other requirements are missed too.", f"Next: {call.then('verify', verified.label)}")
    return 0
