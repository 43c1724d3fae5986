"""Uses of test data that several people and projects count together: a ledger in a store that all of them name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.errors import Corrupt, StoreError
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.trial.test_uses.ledger import TestData, carry_looks, record_look
from seatrial.trial.test_uses.ledger_address import ledger_address
from seatrial.verdicts.trial import TestUse


@dataclass(frozen=True, slots=True, eq=False)
class SharedLedger:
    """Records uses where others record theirs, and beside it where this machine or project counts by itself.

    What was counted there before counts in the ledger too. Whoever leaves the ledger out again goes on from their own
    uses, and not from none.
    """

    objects: Objects
    own: Objects
    place: str  # its address, without secrets
    named_in: str  # the variable or the key that names it

    def record(self, test_data: TestData, *, model: str, evaluation: str) -> TestUse:
        """The number of this use among everybody's; `StoreError` where the ledger cannot be read or written.

        Then nothing may be measured: a count of one's own uses would be too low, and look like a count of all.
        """
        with self._explained():
            carry_looks(self.own, self.objects, test_data)
            use = record_look(self.objects, test_data, model=model, policy=evaluation)
        record_look(self.own, test_data, model=model, policy=evaluation)
        return use

    @property
    def counted(self) -> str:
        """Where uses are counted, as a report says it."""
        return f"at {self.place}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (StoreError, Corrupt) as error:
            what = error.problem if error.path is None else f"{error.path}: {error.problem}"
            raise StoreError(
                f"the use of this test data cannot be recorded at {self.place}: {what}",
                path=self.named_in,
                hint=f"Uses are counted before anything is measured. {error.hint or 'Look at that store.'}",
            ) from None


def open_shared_ledger(settings: StoreSettings, own: Objects, *, named_in: str) -> SharedLedger:
    """The ledger in the store; nothing is asked of the network yet. See `ledger_address` for what is refused."""
    address = ledger_address(settings, named_in=named_in)  # first: opening a folder makes it
    return SharedLedger(open_objects(settings), own, address, named_in)
