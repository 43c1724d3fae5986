"""How often this test data was looked at: recorded here, and where a team counts together, before measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seatrial.errors import StoreError
from seatrial.report.view import ON_THIS_MACHINE
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.trial.measure import UseRecorder
from seatrial.trial.test_uses.ledger import TestData, record_look
from seatrial.trial.test_uses.shared_ledger import open_shared_ledger
from seatrial.verdicts.trial import TestUse

VARIABLE = "SEATRIAL_STATE"
SHARED_VARIABLE = "SEATRIAL_TEST_USES"  # a store where others count too: s3://bucket/prefix, or a folder


class CountedUses(UseRecorder, Protocol):
    """A recorder that can say where it counts."""

    @property
    def counted(self) -> str:
        """Where uses are counted, as a report says it: on this machine, or at an address."""
        ...


def state_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Where uses are counted: `SEATRIAL_STATE`, else `seatrial` among the user's state (XDG base directories)."""
    if chosen := environment.get(VARIABLE):
        return Path(chosen).absolute()
    state = environment.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else home / ".local" / "state") / "seatrial"


def shared_url(environment: Mapping[str, str]) -> str | None:
    """The address that `SEATRIAL_TEST_USES` names, of a store or an absolute folder; None where it names none."""
    address = environment.get(SHARED_VARIABLE)
    if not address:
        return None
    return address if "://" in address else Path(address).expanduser().absolute().as_uri()


def use_recorder(environment: Mapping[str, str], home: Path) -> CountedUses:
    """The shared ledger that the environment names, else the user's state folder."""
    own = StateFolder(state_folder(environment, home))
    url = shared_url(environment)
    if url is None:
        return own
    return open_shared_ledger(StoreSettings(url), own.objects(), named_in=SHARED_VARIABLE)


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Records uses in the user's state folder, for every project and trial on this machine."""

    folder: Path

    @property
    def counted(self) -> str:
        """Where uses are counted, as a report says it."""
        return ON_THIS_MACHINE

    def objects(self) -> Objects:
        """The records of this machine."""
        try:
            return open_objects(StoreSettings(self.folder.as_uri()))
        except StoreError as error:
            raise self._unwritable(error) from None

    def record(self, test_data: TestData, *, model: str, evaluation: str) -> TestUse:
        """The number of this use of the test data; the same model under the same evaluation is the same use."""
        objects = self.objects()
        try:
            return record_look(objects, test_data, model=model, policy=evaluation)
        except StoreError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: StoreError) -> StoreError:
        return StoreError(
            f"the use of this test data cannot be recorded: {error.problem}",
            path=str(self.folder),
            hint=f"Uses are counted before anything is measured: name a folder that can be written in {VARIABLE}.",
        )
