"""`seatrial report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile, Trust
from seatrial.cli.output import print_json, print_lines

Output = Annotated[
    Path | None,
    Parameter(name=["--output", "-o"], help="The file to write; by default NAME-VERSION.html in this folder."),
]


def command(
    release: str | None = None,
    /,
    *,
    output: Output = None,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Write the trial's report, one HTML file that needs nothing else.

    Without RELEASE: the project's newest. A release that does not verify is refused: a page would make it look sound.

    For example:

        seatrial report
        seatrial report census@1 --output census.html
    """
    from seatrial import __version__
    from seatrial.errors import InputError
    from seatrial.pipeline.open_release import verified_release
    from seatrial.report.html import render_report
    from seatrial.report.verified import view_of

    verified = verified_release(release, directory=directory, profile=profile, trust=trust)
    view = view_of(verified, made_with=__version__)
    target = Path(f"{view.name}-{view.version}.html") if output is None else output
    try:
        target.write_text(render_report(view), encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror}.", path=str(target), hint="Name another file: --output FILE"
        ) from None
    if json:
        print_json({"release": view.title, "report": str(target)})
        return 0
    print_lines(target.resolve())
    call = Call(profile=profile, directory=directory, trust=trust)
    print_lines(f"Next: open it in a browser; {call.then('verify', verified.label)}")
    return 0
