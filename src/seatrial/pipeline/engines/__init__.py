"""Engines: what a step's `kind` means, one file each. Another kind is another file, and a line in `ENGINES`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from seatrial.pipeline.engines.engine import Engine
from seatrial.pipeline.engines.python import Python
from seatrial.pipeline.engines.spark import Spark

# By the name that `@step(kind=…)` gives. Making one imports nothing heavy.
ENGINES: Mapping[str, Engine] = MappingProxyType({engine.kind: engine for engine in (Python(), Spark())})

__all__ = ["ENGINES", "Engine"]
