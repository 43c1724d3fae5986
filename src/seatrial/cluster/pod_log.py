"""A pod's log, followed over broken connections."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from seatrial.cluster.client import Namespace
from seatrial.errors import TargetError


def follow_log(namespace: Namespace, pod: str, goes_on: Callable[[], bool]) -> Iterator[bytes]:
    """What the pod prints, until it ends. A log that breaks off, or is silent, is opened anew while the pod `goes_on`.

    Raises the last error where it does not. The API counts in whole seconds: lines of the second in which a log broke
    off may come twice.
    """
    since_s: int | None = None
    last_came = time.monotonic()
    while True:
        try:
            for part in namespace.log(pod, since_s=since_s):
                last_came = time.monotonic()
                yield part
            return
        except TargetError:
            if not goes_on():
                raise
        since_s = math.ceil(time.monotonic() - last_came) + 1
