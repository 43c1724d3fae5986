"""Trains as a new project does, in a process of its own: its folder, the raw file, and what its `train` takes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

folder, raw, rounds = Path(sys.argv[1]), Path(sys.argv[2]), {sys.argv[3]: int(sys.argv[4])}
sys.path.insert(0, str(folder))

from columns import LABEL  # type: ignore[import-not-found]  # noqa: E402  # the project's modules
from preparing import read, split  # type: ignore[import-not-found]  # noqa: E402
from training import train  # type: ignore[import-not-found]  # noqa: E402

from seatrial.models.package import build_package  # noqa: E402
from seatrial.models.provenance import Provenance  # noqa: E402
from seatrial.models.runtime import load_predictor  # noqa: E402


class Files:
    """One file of a store."""

    keys = (raw.name,)

    def read(self, _key: str) -> bytes:
        """Its bytes."""
        return raw.read_bytes()


tables = split(read(Files()), seed=7)
trained = train(tables["train"].to_pandas(), tables["validation"].to_pandas(), **rounds, seed=7)
test = tables["test"]
package = build_package(trained, rows=test.drop_columns([LABEL]), provenance=Provenance(None, None, {}, (), None))
predictor = load_predictor(package)
answers = predictor.predict(test).labels
truth = test.column(LABEL).to_numpy(zero_copy_only=False)
if predictor.signature.classes:
    score = (answers == truth).mean()
else:  # what is left of the error of an answer that needs no model
    score = 1 - np.abs(answers - truth).mean() / np.abs(truth - np.median(truth)).mean()
print(f"SCORE {score:.3f}")
