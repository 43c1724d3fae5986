"""How often this test data was looked at on this machine: recorded in the user's state folder, before measuring."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seatrial.errors import StoreError
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.verdicts.trial import TestUse
from seatrial.verdicts.uses import record_use

VARIABLE = "SEATRIAL_STATE"


def state_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Where uses are counted: `SEATRIAL_STATE`, else `seatrial` among the user's state (XDG base directories)."""
    if chosen := environment.get(VARIABLE):
        return Path(chosen).absolute()
    state = environment.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else home / ".local" / "state") / "seatrial"


def count_use(folder: Path, digest: str, rows: int, *, model: str, policy: str) -> TestUse:
    """The number of this use of the test data `digest`; the same model under the same policy is the same use.

    `model` and `policy` are digests.
    """
    try:
        objects = open_objects(StoreSettings(folder.as_uri()))
        use = record_use(objects, digest, model=model, policy=policy)
    except StoreError as error:
        raise StoreError(
            f"the use of this test data cannot be recorded: {error.problem}",
            path=str(folder),
            hint=f"Uses are counted before anything is measured: name a folder that can be written in {VARIABLE}.",
        ) from None
    return TestUse(digest, rows, use)
