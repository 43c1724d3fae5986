"""A network behind a table of steps, as a file: what its black-box number says, beside trying every allowed change."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

import seatrial
from seatrial.trial.self_test.masked import BUDGET
from seatrial.trial.self_test.networks import Network, TableLookup, blobs, fitted
from tests.planted_files import PLANTED

pytestmark = pytest.mark.simulation
_ROWS, _TRAIN_ROWS = 400, 1200  # as the planted case has them
_AT_ONCE = 64


def robust_by_trying_everything(network: Network, steps: int) -> float:
    """The share of rows that no allowed change breaks: each input can reach two or three steps of the table."""
    points, actual = blobs(_ROWS, seed=2)
    half = points.shape[1] // 2
    robust = 0
    for point, truth in zip(points, actual, strict=True):
        low = np.floor(np.maximum(point - BUDGET, 0) * steps).astype(int)
        high = np.floor(np.minimum(point + BUDGET, 1) * steps).astype(int)
        reached = [(np.arange(first, last + 1) + 0.5) / steps for first, last in zip(low, high, strict=True)]
        left = np.array(list(product(*reached[:half]))) @ network.first[:half] + network.shift
        right = np.array(list(product(*reached[half:]))) @ network.first[half:]
        robust += all(
            ((np.maximum(some[:, None] + right, 0) @ network.second + network.level).argmax(axis=-1) == truth).all()
            for some in np.split(left, range(_AT_ONCE, len(left), _AT_ONCE))
        )
    return robust / _ROWS


def test_a_file_that_looks_inputs_up_in_a_table_is_nearly_as_robust_as_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No gradient goes through such a layer, and the number rests on answers alone. It passes 0.65 because it is."""
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / "state"))
    planted = PLANTED["a first layer without derivatives"]()
    (tmp_path / "model.onnx").write_bytes(planted.model)
    (tmp_path / "policy.toml").write_text(planted.policy)
    found = seatrial.assess(tmp_path / "model.onnx", planted.table, label="y", policy=tmp_path / "policy.toml")
    (measured,) = (one for one in found.trial.evidence if one.claim.metric == "robust_accuracy")
    network = fitted(*blobs(_TRAIN_ROWS, seed=1), seed=1)
    exact = robust_by_trying_everything(network, TableLookup(network).steps)
    assert 0.7 < exact <= measured.estimate <= exact + 0.02
