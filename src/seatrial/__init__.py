"""Seatrial: from object storage to a model you can put to sea.

The whole public API is here; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.batches.table import Table
    from seatrial.errors import SeatrialError
    from seatrial.models.codec import Codec
    from seatrial.models.trained import Trained
    from seatrial.pipeline.perform import StoredFiles
    from seatrial.pipeline.steps import Files, step
    from seatrial.prepare.codec import fit_codec, with_features
    from seatrial.tryout.assess import assess
    from seatrial.tryout.assessment import Assessment

__version__ = "0.1.0"

_HOMES = {
    "Assessment": "seatrial.tryout.assessment",
    "Codec": "seatrial.models.codec",
    "Files": "seatrial.pipeline.steps",
    "SeatrialError": "seatrial.errors",
    "StoredFiles": "seatrial.pipeline.perform",
    "Table": "seatrial.batches.table",
    "Trained": "seatrial.models.trained",
    "assess": "seatrial.tryout.assess",
    "fit_codec": "seatrial.prepare.codec",
    "step": "seatrial.pipeline.steps",
    "with_features": "seatrial.prepare.codec",
}

__all__ = [
    "Assessment",
    "Codec",
    "Files",
    "SeatrialError",
    "StoredFiles",
    "Table",
    "Trained",
    "__version__",
    "assess",
    "fit_codec",
    "step",
    "with_features",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'seatrial' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
