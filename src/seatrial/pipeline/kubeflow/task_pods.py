"""The pods of a run's tasks, where the profile names the cluster that they are in: why one waits, and why it ended."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from seatrial.cluster.client import Namespace
from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.pod_words import Waiting, why_ended, why_waiting
from seatrial.errors import SeatrialError
from seatrial.pipeline.project.cluster_profile import override
from seatrial.pipeline.steps.declaration import DEFAULTS
from seatrial.pipeline.workspace import Workspace

RUN_LABEL = "pipeline/runid"  # Kubeflow's
NODE = "workflows.argoproj.io/node-name"  # Argo's: "census-x7f2v.root.features.executor"
OPENS_S = 0.5  # for a watch to open, or to fail


class TaskPods:
    """Watches the pods by a thread of its own, which ends with it. Without `cluster.context` it has nothing to tell."""

    def __init__(self, run: str, workspace: Workspace) -> None:
        self._workspace = workspace
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._pods: dict[str, Mapping[str, Any]] = {}  # by the task's name
        self._thread: threading.Thread | None = None
        cluster = workspace.profile.cluster
        if cluster is None or cluster.context is None:
            return
        namespace = None
        with suppress(SeatrialError):  # who submits a run need not reach the cluster
            namespace = Namespace(cluster.namespace, cluster.context)
        if namespace is not None:
            self._thread = threading.Thread(target=self._watch, args=(namespace, f"{RUN_LABEL}={run}"), daemon=True)
            self._thread.start()

    def why_waiting(self, step: str) -> Waiting | None:
        """Why its pod has not begun."""
        pod = self._pod(step)
        return None if pod is None else why_waiting(pod, ())

    def why_ended(self, step: str) -> tuple[str, str] | None:
        """Why its pod ended, and the hint."""
        pod = self._pod(step)
        if pod is None:
            return None
        resources = override(DEFAULTS, self._workspace.profile.steps.get(step))
        return why_ended(pod, {}, memory=resources.memory)

    def end(self) -> None:
        """Ends the watch."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(OPENS_S)

    def _pod(self, step: str) -> Mapping[str, Any] | None:
        with self._lock:
            return self._pods.get(dns_label(step))

    def _watch(self, namespace: Namespace, selector: str) -> None:
        with suppress(SeatrialError):
            namespace.watch_pods(selector, self._take, self._over)

    def _take(self, change: str, pod: Mapping[str, Any]) -> None:
        node = str((pod["metadata"].get("annotations") or {}).get(NODE, ""))
        *_, task, part = ["", "", *node.split(".")]
        with self._lock:
            if change != "DELETED":
                self._pods[task if part == "executor" else part] = pod
