"""Ending a run on a cluster from any machine: its driver, its steps, their pods, and then its record."""

from __future__ import annotations

import time

from seatrial.cluster.client import Namespace
from seatrial.errors import InputError, TargetError
from seatrial.pipeline.places.job_manifest import PROJECT_LABEL, steps_selector
from seatrial.pipeline.running.run_records import RunRecord, mark_interrupted
from seatrial.pipeline.workspace import Workspace

LEAVES_WITHIN_S = 90.0  # a pod that does not end when asked to is killed after 30
LOOK_S = 1.0


def stop_run(record: RunRecord, workspace: Workspace) -> RunRecord:
    """Deletes every Job of the run, the driver's first, waits until their pods are gone, and returns the record."""
    if record.origin is not None and record.origin.kubeflow is not None:
        from seatrial.pipeline.kubeflow.runs import end_run

        return end_run(record, workspace)
    cluster = workspace.profile.cluster
    if cluster is None or (record.origin is not None and record.origin.namespace is None):
        where = "another machine" if record.origin is None else record.origin.driver
        raise InputError(
            f"the run is driven by a process on {where}, and not by a cluster.",
            path=record.run,
            hint="Press Ctrl-C where it runs.",
        )
    name = cluster.namespace
    if record.origin is not None and record.origin.namespace not in (None, name):
        raise InputError(
            f'the run is driven in the namespace "{record.origin.namespace}", and the profile names "{name}".',
            path=record.run,
            hint="Stop it under the profile that it was started with.",
        )
    namespace = Namespace(name, cluster.context)
    project = workspace.project.name
    selectors = [steps_selector(project, record.run)]
    # The record lies in the store, where others may write: a Job that it names is the project's own, or stays.
    if record.origin is not None and record.origin.driver in namespace.job_names(f"{PROJECT_LABEL}={project}"):
        namespace.delete_job(record.origin.driver)
        selectors.append(f"job-name={record.origin.driver}")
    last = time.monotonic() + LEAVES_WITHIN_S
    while True:
        jobs = namespace.job_names(selectors[0])
        for job in jobs:
            namespace.delete_job(job)
        pods = [pod for selector in selectors for pod in namespace.pod_names(selector)]
        if not jobs and not pods:
            break
        if time.monotonic() > last:
            raise TargetError(
                f"pods of the run are still there after {LEAVES_WITHIN_S:.0f} s: {', '.join(pods)}.",
                hint=f"See why: kubectl --namespace {name} describe pod {pods[0] if pods else ''}".rstrip(),
            )
        time.sleep(LOOK_S)
    return mark_interrupted(workspace.objects, record.run)
