"""Runs that Kubeflow drives, from any machine that reaches it: followed, and ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from seatrial.errors import InputError, TargetError
from seatrial.pipeline.kubeflow.api import OVER
from seatrial.pipeline.kubeflow.submit import endpoint_of, open_kubeflow
from seatrial.pipeline.kubeflow.watch import KubeflowWatch
from seatrial.pipeline.running.run_records import Origin, RunRecord, mark_interrupted
from seatrial.pipeline.workspace import Workspace

LEAVES_WITHIN_S = 90.0  # a pod that does not end when asked to is killed after 30
LOOK_S = 1.0


@contextmanager
def watch_run(record: RunRecord, workspace: Workspace) -> Iterator[KubeflowWatch]:
    """What Kubeflow knows of the run, for whoever follows it."""
    origin = _origin(record, workspace)
    watch = KubeflowWatch(open_kubeflow(workspace), origin.driver, workspace)
    try:
        yield watch
    finally:
        watch.end()


def end_run(record: RunRecord, workspace: Workspace) -> RunRecord:
    """Ends the run in Kubeflow, waits until that says so, and returns the record."""
    origin = _origin(record, workspace)
    last = time.monotonic() + LEAVES_WITHIN_S
    with open_kubeflow(workspace) as kubeflow:
        kubeflow.end(origin.driver, record.run)
        while (state := kubeflow.state(origin.driver, record.run).state) not in OVER:
            if time.monotonic() > last:
                raise TargetError(
                    f"the run has not ended {LEAVES_WITHIN_S:.0f} s after it was asked to: it is {state}.",
                    path=origin.driver,
                    hint="See its pods in Kubeflow.",
                )
            time.sleep(LOOK_S)
    return mark_interrupted(workspace.objects, record.run)


def _origin(record: RunRecord, workspace: Workspace) -> Origin:
    """Where the run is. Others may write to the store that names it: a token goes to the profile's endpoint alone."""
    origin, endpoint = record.origin, endpoint_of(workspace)
    if origin is None or origin.kubeflow != endpoint:
        raise InputError(
            f'the run is driven by the Kubeflow at "{None if origin is None else origin.kubeflow}", and the profile '
            f'names "{endpoint}".',
            path=record.run,
            hint="Name the profile that it was started with.",
        )
    return origin
