"""A model whose classes are named the wrong way round is told so, by the field that mends it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import seatrial


@pytest.mark.parametrize(("rows", "turned", "told"), [(400, True, True), (400, False, False), (40, True, False)])
def test_scores_that_rank_the_classes_the_wrong_way_round_are_noted(rows: int, turned: bool, told: bool) -> None:
    x = np.random.default_rng(3).normal(size=rows)
    table = pa.table({"x": pa.array(x), "y": pa.array(np.where(x > 0, "yes", "no").tolist())})

    def model(part: pa.Table) -> NDArray[np.float64]:
        sure: NDArray[np.float64] = 1 / (1 + np.exp(-part["x"].to_numpy()))
        return 1 - sure if turned else sure

    found = seatrial.assess(model, table, label="y", positive="yes", inputs=["x"])
    hints = [note.hint for note in found.notes if note.kind == "inverted"]
    assert hints == (['If so, name them in its order: classes=["yes", "no"].'] if told else [])
