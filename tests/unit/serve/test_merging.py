from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve import merging
from seatrial.serve.merging import probe_rows, rows_to_merge

SIGNATURE = Signature((Column("a", "number"), Column("b", "integer"), Column("c", "text")), "regression")
CODEC = Codec.from_statistics(numbers={"a": (1000.0, 1.0)}, vocabularies={"c": ["x", "y"]})


@dataclass
class Model:
    """Costs something a run and something a row; may answer a batch with other bits than a row."""

    run_s: float = 0.001
    row_s: float = 0.0
    last_bit: float = 0.0
    same_until: int = 1  # rows that last bit differs beyond
    refuses: Exception | None = None
    signature: Signature = SIGNATURE

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        if self.refuses:
            raise self.refuses
        rows = len(columns["a"])
        time.sleep(self.run_s + rows * self.row_s)
        answers = columns["a"] * (1 + self.last_bit * (rows > self.same_until))
        return Predictions(np.array(["same"] * rows, object), np.column_stack([answers, answers]))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model counts as slow: on a busy machine a sleep of 1 ms takes more than the 20 that make one."""
    monkeypatch.setattr(merging, "_SLOW_S", 60.0)


@pytest.mark.usefixtures("quick")
def test_requests_share_a_run_where_a_run_is_what_costs() -> None:
    assert rows_to_merge(Model(), None) == 384


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("same_until", "rows"), [(24, 24), (50, 48), (100, 96)])
def test_no_more_rows_share_a_run_than_were_tried(same_until: int, rows: int) -> None:
    assert rows_to_merge(Model(last_bit=2**-52, same_until=same_until), None) == rows


def test_a_slow_model_is_tried_with_few_rows_and_merges_no_more() -> None:
    assert rows_to_merge(Model(run_s=0.03), None) == 4


@pytest.mark.parametrize(
    "model",
    [
        Model(run_s=0.0, row_s=0.001),
        Model(last_bit=2**-52),
        Model(refuses=InputError("no.")),
        Model(refuses=IndexError("a runtime's own error")),
    ],
    ids=["each row costs", "another bit", "made-up rows are refused", "the runtime fails"],
)
def test_requests_share_no_run_where_it_does_not_pay_or_changes_a_bit(model: Model) -> None:
    assert rows_to_merge(model, None) == 1


def test_probes_are_rows_as_the_codec_knows_them() -> None:
    rows = probe_rows(SIGNATURE, CODEC, 50)
    assert 990 < rows["a"].min() < rows["a"].max() < 1010
    assert set(rows["c"]) == {"x", "y", ""}
    assert set(rows["b"]) <= {0.0, 1.0}
