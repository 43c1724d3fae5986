"""`seatrial doctor`."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.doctor.check import Check

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


Write = Annotated[
    Path | None,
    Parameter(
        name="--write", help="Write what the profile's namespace needs (accounts, least rights) into this folder."
    ),
]


def command(
    *, write: Write = None, directory: Directory = Path(), profile: Profile = "local", json: Json = False
) -> int:
    """Check Java, jars, store and catalog: what works, what to change. Fetches Spark's jars if they are missing.

    With --write nothing is checked: the manifests of a working namespace for the profile's cluster are written.

    For example:

        seatrial doctor
        seatrial doctor --profile prod --json
        seatrial doctor --profile prod --write namespace
    """
    if write is not None:
        return _write_setup(write, directory, profile, as_json=json)
    from seatrial.doctor import examine
    from seatrial.pipeline.project.settings import FILE_NAME

    checks = list(examine(directory, profile, progress=lambda line: print_lines(line, file=sys.stderr)))
    failed = any(check.status == "fail" for check in checks)
    if json:
        print_json({"checks": [asdict(check) for check in checks]})
        return int(failed)
    if sys.stdout.isatty():
        _print_table(checks)
    else:  # a log or a pipe: one line a check, whatever its length
        for check in checks:
            hint = f"  Hint: {check.hint}" if check.hint else ""
            print_lines(f"{check.status:4}  {check.name}: {check.detail}{hint}")
    call = Call(profile=profile, directory=directory)
    if failed:
        print_lines(f"Next: fix what failed, then {call.then('doctor')}")
    elif (directory / FILE_NAME).exists():
        print_lines(f"Next: {call.then('plan')}")
    else:
        print_lines("Next: seatrial init DIR")
    return int(failed)


def _write_setup(folder: Path, directory: Path, profile: str, *, as_json: bool) -> int:
    from seatrial.deploy.namespace_setup import render_setup
    from seatrial.deploy.server_side_apply import command_line
    from seatrial.deploy.target import write_documents
    from seatrial.errors import InputError, SeatrialError
    from seatrial.pipeline.project.cluster_profile import any_workers
    from seatrial.pipeline.project.project_file import find_profile, load_project
    from seatrial.pipeline.steps.load_pipeline import project_steps

    project = load_project(directory)
    settings = find_profile(project, profile)
    if settings.cluster is None:
        hint = 'Write cluster = { context = "…", namespace = "…" }.'
        raise InputError(f"[profile.{profile}] cluster: it must say where the steps run.", path=project.path, hint=hint)
    workers = False
    with suppress(SeatrialError):  # `seatrial plan` tells of mistakes in the project's code
        workers = any_workers(project_steps(project).values(), settings)
    documents = render_setup(settings.cluster, workers=workers)
    write_documents(documents, folder)
    if as_json:
        print_json({"documents": [asdict(document) for document in documents]})
        return 0
    print_lines(*(folder / document.path for document in documents))
    context = "" if settings.cluster.context is None else f" --context={settings.cluster.context}"
    print_lines(f"Next: {command_line(str(folder))}{context}")
    return 0


def _print_table(checks: Sequence[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("check", "status", "seen", "what to do"):
        table.add_column(heading)
    for check in checks:
        status = Text(check.status, COLOURS[check.status])
        table.add_row(Text(check.name), status, Text(check.detail), Text(check.hint or ""))
    Console().print(table)
