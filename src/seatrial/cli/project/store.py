"""`seatrial store`: the embedded store, for trouble and for looking in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json
from seatrial.cli.output import print_json, print_lines

IdleS = Annotated[float, Parameter(name="--idle-s", help="Seconds after its last user at which it ends.")]

command = App(name="store", help="Show, start or stop the embedded store of a project.")


@command.command
def status(*, directory: Directory = Path(), json: Json = False) -> int:
    """Show whether the embedded store runs, and where.

    For example: `seatrial store status --directory census --json`
    """
    import dataclasses

    from seatrial.pipeline.local_store import plain_folder
    from seatrial.pipeline.workspace import state_folder
    from seatrial.stores.embedded import lease

    state = state_folder(directory, os.environ)
    store = lease.status(state)
    if json:
        print_json({"running": store.endpoint is not None, **dataclasses.asdict(store)})
    elif (folder := plain_folder(directory, state)) is not None:
        print_lines(f"This project's store is a plain folder, {folder}: nothing has to run for it.")
    elif store.endpoint is None:
        print_lines("The embedded store does not run. Any command that needs it starts it.")
        print_lines(f"Next: {Call(directory=directory).then('store', 'start')}")
    else:
        print_lines(
            f"The embedded store answers at {store.endpoint} (supervisor {store.pid}, {_use(in_use=store.in_use)})."
        )
        print_lines(f"Data, credentials and log: {store.folder}. ")
        print_lines(f"Next: {Call(directory=directory).then('store', 'stop')}, to end it")
    return 0


@command.command
def start(*, directory: Directory = Path(), idle_s: IdleS = 600.0) -> int:
    """Start the embedded store, or find the one that runs; it ends some time after its last user.

    For example: `seatrial store start --idle-s 3600`
    """
    from seatrial.errors import InputError
    from seatrial.pipeline.local_store import plain_folder
    from seatrial.pipeline.workspace import state_folder
    from seatrial.stores.embedded.lease import embedded_store

    state = state_folder(directory, os.environ)
    if (folder := plain_folder(directory, state)) is not None:
        raise InputError(
            "this project's store is a plain folder: no step needs a server.",
            path=str(folder),
            hint="Nothing has to be started: seatrial run",
        )
    with embedded_store(state, directory.resolve().name, idle_s=idle_s) as store:
        print_lines(f"The embedded store answers at {store.endpoint}.")
        print_lines(f"Next: {Call(directory=directory).then('run')}")
    return 0


@command.command
def stop(*, directory: Directory = Path()) -> int:
    """End the embedded store, whoever uses it; what was written stays.

    For example: `seatrial store stop --directory census`
    """
    from seatrial.pipeline.workspace import state_folder
    from seatrial.stores.embedded import lease

    if lease.stop(state_folder(directory, os.environ)):
        print_lines("The embedded store has ended; its data stays. The next command that needs it starts it again.")
    else:
        print_lines("The embedded store did not run. The next command that needs it starts it.")
    return 0


def _use(*, in_use: bool) -> str:
    return "in use" if in_use else "not in use"
