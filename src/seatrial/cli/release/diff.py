"""`seatrial diff`."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile, Trust
from seatrial.cli.output import print_json, print_lines

All = Annotated[
    bool, Parameter(name="--all", negative="", help="Show every measurement, not only what the policy asks for.")
]
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


def command(
    before: str,
    after: str,
    /,
    *,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    all_: All = False,
    json: Json = False,
) -> int:
    """Show what changed between two releases: verdict, policy, code, data, parameters, model, evidence.

    For example:

        seatrial diff census@1 census@2
    """
    from seatrial.pipeline.open_release import verified_release
    from seatrial.releases.diff import diff_releases

    sides = [
        verified_release(reference, directory=directory, profile=profile, trust=trust) for reference in (before, after)
    ]
    changes = diff_releases(sides[0], sides[1])
    if json:
        names = [side.release.title if side.release else side.label for side in sides]
        print_json(
            {
                "before": names[0],
                "after": names[1],
                "changes": [
                    {"part": change.part, "what": change.what, "before": change.before, "after": change.after}
                    for change in changes
                ],
            }
        )
        return 0
    claims = {str(requirement.claim) for side in sides if side.policy for requirement in side.policy.require}
    for part, part_changes in groupby(changes, lambda change: change.part):
        print_lines(part)
        left_out = 0
        for change in part_changes:
            if (
                part == "evidence"
                and not all_
                and change.what != "test data"
                and change.what.split(", ")[0] not in claims
            ):
                left_out += 1
                continue
            print_lines(f"  {change.what}: {_short(change.before)} → {_short(change.after)}")
        if left_out:
            print_lines(f"  and {left_out} other measurements, which the policy does not ask for: --all")
    if not changes:
        print_lines("Nothing differs.")
    call = Call(profile=profile, directory=directory, trust=trust)
    print_lines(f"Next: {call.then('report', sides[1].label)}")
    return 0


def _short(text: str | None) -> str:
    return "–" if text is None else _DIGEST.sub(r"\1…", text)
