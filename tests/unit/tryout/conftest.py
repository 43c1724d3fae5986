"""A small table of people, and finished models of it in as few bytes as they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet
import pytest
from onnx import TensorProto, helper, numpy_helper

ROWS = 600
INPUTS = ("age", "hours")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Uses are counted there, and nowhere else; the command runs in a folder of its own."""
    folder = tmp_path / "state"
    monkeypatch.setenv("SEATRIAL_STATE", str(folder))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


@pytest.fixture
def people() -> pa.Table:
    """`rich` goes with age and hours; `wage` is a number that does."""
    random = np.random.default_rng(1)
    age = random.integers(18, 70, ROWS)
    hours = random.integers(10, 60, ROWS)
    score = (age - 44) / 10 + (hours - 35) / 10 + random.normal(0, 1.0, ROWS)
    columns = {
        "age": age,
        "hours": hours,
        "sex": np.where(random.random(ROWS) < 0.5, "Female", "Male"),
        "rich": np.where(score > 0, "yes", "no"),
        "flag": score > 0,
        "wage": 20 + 5 * score,
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})


@pytest.fixture
def table(people: pa.Table, tmp_path: Path) -> Path:
    """The people as a file."""
    path = tmp_path / "people.parquet"
    pyarrow.parquet.write_table(people, path)
    return path


Make = Callable[..., Path]


@pytest.fixture
def model(tmp_path: Path) -> Make:
    """Writes a linear model of `INPUTS`; see `_linear`."""

    def make(name: str = "model.onnx", **form: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(_linear(**form).SerializeToString())
        return path

    return make


def _linear(
    *,
    answer: str = "probabilities",
    matrix: bool = False,
    classes: Sequence[str] | None = ("no", "yes"),
    rows: int | str | None = "rows",
    kind: int = TensorProto.FLOAT,
    weights: Sequence[float] = (0.2, 0.2),
    bias: float = -15.7,  # age + hours ≥ 79 is "yes", and no row lies on the boundary
    extra: Sequence[str] = (),
) -> onnx.ModelProto:
    """`answer`: "probabilities" of two classes and a label, "value", "nan", "logits", "halves" (sum to 0.5)."""
    names = (*INPUTS, *extra)
    if matrix:
        inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [rows, len(INPUTS)])]
        nodes = []
    else:
        inputs = [helper.make_tensor_value_info(name, kind, [rows, 1]) for name in names]
        cast = [helper.make_node("Cast", [name], [f"{name}_f"], to=TensorProto.FLOAT) for name in INPUTS]
        nodes = [*cast, helper.make_node("Concat", [f"{name}_f" for name in INPUTS], ["features"], axis=1)]
    column = numpy_helper.from_array(np.array(weights, np.float32).reshape(-1, 1), "weights")
    constants = [column, numpy_helper.from_array(np.array([bias], np.float32), "bias")]
    nodes += [
        helper.make_node("MatMul", ["features", "weights"], ["sum"]),
        helper.make_node("Add", ["sum", "bias"], ["z"]),
    ]
    if answer == "value":
        nodes.append(helper.make_node("Identity", ["z"], ["value"]))
        outputs = [helper.make_tensor_value_info("value", TensorProto.FLOAT, [rows, 1])]
    else:
        nodes += [
            helper.make_node("Sigmoid", ["z"], ["p"]),
            helper.make_node("Sub", ["one", "p"], ["q"]),
            helper.make_node("Concat", ["q", "p"], ["sound"], axis=1),
            helper.make_node("Mul", ["sound", "factor"], ["probabilities"]),
            helper.make_node("ArgMax", ["sound"], ["code"], axis=1, keepdims=0),
        ]
        factor = {"nan": np.nan, "halves": 0.5}.get(answer, 1.0)
        constants += [
            numpy_helper.from_array(np.array([1.0], np.float32), "one"),
            numpy_helper.from_array(np.array([factor], np.float32), "factor"),
        ]
        outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [rows, 2])]
        if classes is not None:
            texts = numpy_helper.from_array(np.array(list(classes), object), "classes")
            constants.append(texts)
            nodes.append(helper.make_node("Gather", ["classes", "code"], ["label"]))
            outputs.insert(0, helper.make_tensor_value_info("label", TensorProto.STRING, [rows]))
    graph = helper.make_graph(nodes, "linear", inputs, outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made
