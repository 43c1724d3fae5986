"""A model whose classes are named the wrong way round is refused before a use is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import seatrial
from seatrial.errors import InputError


def people(rows: int) -> pa.Table:
    x = np.random.default_rng(3).normal(size=rows)
    return pa.table({"x": pa.array(x), "y": pa.array(np.where(x > 0, "yes", "no").tolist())})


def scores(part: pa.Table) -> NDArray[np.float64]:
    sure: NDArray[np.float64] = 1 / (1 + np.exp(-part["x"].to_numpy()))
    return sure


def turned(part: pa.Table) -> NDArray[np.float64]:
    return 1 - scores(part)


def turned_labels(part: pa.Table) -> NDArray[Any]:
    return np.where(part["x"].to_numpy() > 0, "no", "yes")


@pytest.mark.parametrize("model", [turned, turned_labels])
def test_a_model_that_goes_against_the_labels_is_refused_before_a_use_is_counted(model: Any, state: Path) -> None:
    with pytest.raises(InputError, match="goes against the labels") as caught:
        seatrial.assess(model, people(400), label="y", inputs=["x"])
    assert 'classes=["yes", "no"]' in str(caught.value.hint)
    assert 'positive="yes"' in str(caught.value.hint)
    assert not [path for path in state.rglob("*") if path.is_file() and "uses" in str(path)]


@pytest.mark.parametrize("model", [turned, turned_labels])
def test_who_names_the_positive_class_gets_it_measured_as_it_is_with_a_note(model: Any) -> None:
    found = seatrial.assess(model, people(400), label="y", positive="yes", inputs=["x"])
    assert [note.hint for note in found.notes if note.kind == "inverted"] == [
        'If so, name them in its order: classes=["yes", "no"].'
    ]
    assert found.trial.test_use is not None
    assert found.trial.test_use.use == 1


def test_several_classes_that_are_answered_in_another_order_are_refused_and_measured_when_named() -> None:
    x = np.random.default_rng(3).integers(0, 3, 600)
    table = pa.table({"x": pa.array(x), "y": pa.array(np.array(["ant", "bee", "cat"])[x].tolist())})

    def model(part: pa.Table) -> NDArray[np.float64]:
        sure: NDArray[np.float64] = np.eye(3)[(part["x"].to_numpy() + 1) % 3] * 0.7 + 0.1
        return sure

    with pytest.raises(InputError, match="goes against the labels"):
        seatrial.assess(model, table, label="y", inputs=["x"])
    found = seatrial.assess(model, table, label="y", inputs=["x"], classes=["ant", "bee", "cat"])
    assert [note.kind for note in found.notes if note.kind == "inverted"] == ["inverted"]


@pytest.mark.parametrize(("model", "rows"), [(scores, 400), (turned, 40)])
def test_good_models_and_few_rows_are_measured_without_a_word(model: Any, rows: int) -> None:
    found = seatrial.assess(model, people(rows), label="y", inputs=["x"])
    assert not [note for note in found.notes if note.kind == "inverted"]
