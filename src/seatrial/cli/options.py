"""Options that several commands share, each with one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Directory = Annotated[Path, Parameter(name=["--directory", "-C"], help="The project's folder.")]
Profile = Annotated[str, Parameter(name=["--profile", "-p"], help="Where it runs: a [profile.X] of seatrial.toml.")]
Json = Annotated[
    bool, Parameter(name="--json", negative="", show_default=False, help="Print one JSON document, and nothing else.")
]
Set = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        help="Override a parameter: --set model.epochs=3. May be repeated.",
        negative="",
        show_default=False,
    ),
]
Rehearse = Annotated[
    bool,
    Parameter(
        name="--rehearse",
        negative="",
        show_default=False,
        help="Judge on validation: nothing is counted, nothing is released.",
    ),
]
NoCache = Annotated[bool, Parameter(name="--no-cache", negative="", show_default=False, help="Run every step again.")]
Budget = Annotated[
    float | None,
    Parameter(help="Seconds for the trial; an attack that does not fit is left out, and the claim says so."),
]
Trust = Annotated[
    Path | None,
    Parameter(name="--trust", help="The deployer's trust.toml; without it, the one under SEATRIAL_HOME."),
]
