"""Where Spark runs and with what: a profile's `spark`, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.cluster.node_choice import Toleration


@dataclass(frozen=True, slots=True)
class SparkSettings:
    """`[profile.X.spark]`. `memory` is the driver's ("2g"); `jars` a folder that has them.

    With a local master and `executors`, a step in a pod is the driver of that many pods more, of `executor_cpu` and
    `executor_memory` each; on a laptop the same settings run it in one process. `conf` has any further Spark keys,
    which win.
    """

    master: str = "local[*]"
    executors: int | None = None
    max_executors: int | None = None  # as many as the work needs, from `executors` to this
    executor_cpu: str | None = None  # "500m", "2"
    executor_memory: str | None = None  # "4Gi": of the whole pod
    executor_node_selector: Mapping[str, str] = field(default_factory=dict)  # beside those of all pods of steps
    executor_tolerations: tuple[Toleration, ...] = ()
    memory: str | None = None
    jars: Path | None = None
    conf: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def executors_are_pods(self) -> bool:
        """Whether a step in a pod makes pods of its own."""
        return self.executors is not None and self.master.startswith("local")
