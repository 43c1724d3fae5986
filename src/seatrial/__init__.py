"""Seatrial: from object storage to a model you can put to sea.

The whole public API is here; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.batches.frameworks.to_tensorflow import to_tensorflow
    from seatrial.batches.frameworks.to_torch import to_torch
    from seatrial.batches.parquet_table import ParquetTable, parquet_table
    from seatrial.batches.table import Table
    from seatrial.errors import SeatrialError
    from seatrial.models.codec import Codec
    from seatrial.models.trained import Trained
    from seatrial.pipeline.jobs.stored_files import StoredFiles
    from seatrial.pipeline.steps.declaration import Files, step
    from seatrial.prepare.codec import fit_codec, with_features
    from seatrial.train.fair import fairness_penalty, rate_gaps, reweighing
    from seatrial.train.robust import Adversary, robust_loss
    from seatrial.tryout.assess import assess
    from seatrial.tryout.assessment import Assessment
    from seatrial.tryout.fairness import Fairness, fairness
    from seatrial.verdicts.policy.threat import Mutable, ThreatModel

__version__ = "0.1.0"

_HOMES = {
    "Adversary": "seatrial.train.robust",
    "Assessment": "seatrial.tryout.assessment",
    "Codec": "seatrial.models.codec",
    "Fairness": "seatrial.tryout.fairness",
    "Files": "seatrial.pipeline.steps.declaration",
    "Mutable": "seatrial.verdicts.policy.threat",
    "ParquetTable": "seatrial.batches.parquet_table",
    "SeatrialError": "seatrial.errors",
    "StoredFiles": "seatrial.pipeline.jobs.stored_files",
    "Table": "seatrial.batches.table",
    "ThreatModel": "seatrial.verdicts.policy.threat",
    "Trained": "seatrial.models.trained",
    "assess": "seatrial.tryout.assess",
    "fairness": "seatrial.tryout.fairness",
    "fairness_penalty": "seatrial.train.fair",
    "fit_codec": "seatrial.prepare.codec",
    "parquet_table": "seatrial.batches.parquet_table",
    "rate_gaps": "seatrial.train.fair",
    "reweighing": "seatrial.train.fair",
    "robust_loss": "seatrial.train.robust",
    "step": "seatrial.pipeline.steps.declaration",
    "to_tensorflow": "seatrial.batches.frameworks.to_tensorflow",
    "to_torch": "seatrial.batches.frameworks.to_torch",
    "with_features": "seatrial.prepare.codec",
}

__all__ = [
    "Adversary",
    "Assessment",
    "Codec",
    "Fairness",
    "Files",
    "Mutable",
    "ParquetTable",
    "SeatrialError",
    "StoredFiles",
    "Table",
    "ThreatModel",
    "Trained",
    "__version__",
    "assess",
    "fairness",
    "fairness_penalty",
    "fit_codec",
    "parquet_table",
    "rate_gaps",
    "reweighing",
    "robust_loss",
    "step",
    "to_tensorflow",
    "to_torch",
    "with_features",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'seatrial' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
