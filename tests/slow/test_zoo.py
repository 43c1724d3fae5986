"""Every model of the zoo, opened from the file that a user would have, answers as its own framework does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seatrial.errors import InputError
from seatrial.models.finished import FinishedModel, open_finished
from tests.zoo import BROKEN, CLASSES, ZOO, Broken, Entry, Made

SAME = 1e-5  # of float32 sums in another order; of a regression, of the size of its values


def test_the_zoo_has_every_exporter_and_every_task() -> None:
    exporters = {entry.name.split("-")[0] for entry in ZOO}
    assert exporters == {"sklearn", "xgboost", "lightgbm", "catboost", "keras", "torch"}
    for exporter in exporters:
        tasks = {entry.task for entry in ZOO if entry.name.split("-")[0] == exporter}
        assert tasks == {"binary", "multiclass", "regression"}


def opened(made: Made, entry: Entry) -> FinishedModel:
    return open_finished(
        made.model,
        schema=made.table.schema,
        label=made.label,
        labels=CLASSES[entry.task] or None,
        options=made.options,
        rows=made.table,
    )


@pytest.mark.parametrize("entry", ZOO, ids=lambda entry: entry.name)
def test_a_model_from_its_file_answers_as_its_framework_does(tmp_path: Path, entry: Entry) -> None:
    made = entry.make(tmp_path)
    predictor = opened(made, entry).predictor
    answers = predictor.predict(made.table)
    assert predictor.signature.task == entry.task
    if entry.task == "regression":
        np.testing.assert_allclose(np.asarray(answers.labels, float), made.answers, rtol=SAME, atol=SAME)
    else:
        assert predictor.signature.classes == CLASSES[entry.task]
        assert answers.probabilities is not None
        np.testing.assert_allclose(answers.probabilities, made.answers, rtol=0, atol=SAME)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.entry.name)
def test_a_model_that_cannot_be_had_ends_where_it_is_declared_to(tmp_path: Path, broken: Broken) -> None:
    if broken.stage == "export":
        with pytest.raises(NameError, match=broken.says):
            broken.entry.make(tmp_path)
        return
    made = broken.entry.make(tmp_path)
    if broken.stage == "open":
        with pytest.raises(InputError, match=broken.says):
            opened(made, broken.entry)
        return
    answers = np.asarray(opened(made, broken.entry).predictor.predict(made.table).labels, float)
    assert not np.allclose(answers, made.answers, rtol=SAME, atol=SAME)
