"""How often a project's test data was looked at: recorded in its store, and where its profile shares the count."""

from __future__ import annotations

import os
from dataclasses import dataclass

from seatrial.pipeline.workspace import Workspace, ledger_key, ledger_settings
from seatrial.stores.objects import Objects
from seatrial.trial.measure import UseRecorder
from seatrial.trial.test_uses.ledger import TestData, record_look
from seatrial.trial.test_uses.shared_ledger import open_shared_ledger
from seatrial.verdicts.trial import TestUse


@dataclass(frozen=True, slots=True, eq=False)
class ProjectStore:
    """Records uses of test data in the project's store."""

    objects: Objects

    def record(self, test_data: TestData, *, model: str, evaluation: str) -> TestUse:
        """The number of this use of the test data; the same model under the same evaluation is the same use."""
        return record_look(self.objects, test_data, model=model, policy=evaluation)


def use_recorder(workspace: Workspace) -> UseRecorder:
    """The shared ledger that the profile names, else the project's store."""
    settings = ledger_settings(workspace, os.environ)
    if settings is None:
        return ProjectStore(workspace.objects)
    return open_shared_ledger(settings, workspace.objects, named_in=ledger_key(workspace))
