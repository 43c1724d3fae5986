"""How often this test data was looked at on this machine: recorded in the user's state folder, before measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import StoreError
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.trial.test_uses.ledger import TestData, record_look
from seatrial.verdicts.trial import TestUse

VARIABLE = "SEATRIAL_STATE"


def state_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Where uses are counted: `SEATRIAL_STATE`, else `seatrial` among the user's state (XDG base directories)."""
    if chosen := environment.get(VARIABLE):
        return Path(chosen).absolute()
    state = environment.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else home / ".local" / "state") / "seatrial"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Records uses in the user's state folder, for every project and trial on this machine."""

    folder: Path

    def record(self, test_data: TestData, *, model: str, evaluation: str) -> TestUse:
        """The number of this use of the test data; the same model under the same evaluation is the same use."""
        try:
            objects = open_objects(StoreSettings(self.folder.as_uri()))
            return record_look(objects, test_data, model=model, policy=evaluation)
        except StoreError as error:
            raise StoreError(
                f"the use of this test data cannot be recorded: {error.problem}",
                path=str(self.folder),
                hint=f"Uses are counted before anything is measured: name a folder that can be written in {VARIABLE}.",
            ) from None
