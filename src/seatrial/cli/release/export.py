"""`seatrial export`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Profile, Trust
from seatrial.cli.output import print_lines


def command(
    release: str,
    folder: Path,
    /,
    *,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
) -> int:
    """Write a release as a folder, which verifies anywhere without the store. One that does not verify is refused.

    For example:

        seatrial export census@2 ./census-2
    """
    from seatrial.pipeline.open_release import open_release, trusted_by
    from seatrial.releases.export import export_release
    from seatrial.releases.verify import verify

    with open_release(release, directory=directory, profile=profile) as source:
        verified = verify(source, trusted_by(trust), now=datetime.now(UTC))
        count = export_release(verified, source, folder)
    title = verified.release.title if verified.release else verified.label
    print_lines(f"Wrote {title} into {folder}: {count} files.")
    place = str(folder) if "/" in str(folder) else f"./{folder}"
    print_lines(f"Next: {Call(trust=trust).then('verify', place, '--expect', title)}")
    return 0
