"""A model from a file on tables that steps make, and a trained model on test data from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from tests.real.finished_project import linear
from tests.real.small_project import SmallProject

pytestmark = pytest.mark.real


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path)


def test_a_model_file_is_tried_on_a_table_that_a_step_makes(project: SmallProject) -> None:
    (project.folder / "ready.onnx").write_bytes(linear({"wind": 1.0}, bias=-8.0))
    project.edit("seatrial.toml", 'from = "model"', 'from = "ready.onnx"')
    document = project.json("run")
    assert project.states(document) == dict.fromkeys(("rows", "package", "model", "assess", "release"), "ran")
    assert document["verdict"] == "pass"
    assert project.json("run", "--rehearse")["verdict"] == "pass"


def test_a_trained_model_is_tried_on_test_data_in_a_file(project: SmallProject) -> None:
    generator = np.random.default_rng(11)
    wind = generator.gamma(4.0, 2.0, 1000)
    late = generator.random(1000) < 1 / (1 + np.exp(8.0 - wind))
    harbour = pa.array(np.array(["Bergen", "Zürich"])[generator.integers(0, 2, 1000)])
    table = pa.table({"wind": pa.array(wind), "harbour": harbour, "late": pa.array(np.where(late, "yes", "no"))})
    pyarrow.csv.write_csv(table, project.folder / "test.csv")
    project.edit("seatrial.toml", 'test = "rows.test"', 'test = "test.csv"')
    document = project.json("run")
    assert project.states(document) == dict.fromkeys(("rows", "model", "assess", "release"), "ran")
    assert document["verdict"] == "pass"
    assert project.states(project.json("run")) == dict.fromkeys(("rows", "model", "assess", "release"), "cached")
