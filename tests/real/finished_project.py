"""A finished model and a table in files, and the project that `seatrial init --from` makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from onnx import TensorProto, helper, numpy_helper

from tests.real.small_project import LIMIT_S, SmallProject

GOOD: Mapping[str, float] = {"wind": 0.5, "crew": -0.8}  # as the made-up ships have it
POOR: Mapping[str, float] = {"wind": 0.5, "crew": 0.0}


def ships(count: int = 2000, seed: int = 7) -> pa.Table:
    """Ships that come late in wind, and less so with more crew."""
    generator = np.random.default_rng(seed)
    numbers = np.stack([generator.normal(8.0, 4.0, count), generator.integers(1, 9, count)], axis=1)
    late = generator.random(count) < 1 / (1 + np.exp(-(numbers @ np.array([*GOOD.values()]))))
    return pa.table(
        {
            "wind": pa.array(numbers[:, 0]),
            "crew": pa.array(numbers[:, 1].astype(np.int64)),
            "harbour": pa.array(np.array(["Bergen", "Zürich"])[generator.integers(0, 2, count)]),
            "late": pa.array(np.where(late, "yes", "no")),
        }
    )


def linear(weights: Mapping[str, float], bias: float = 0.0) -> bytes:
    """A model of these columns that gives the probabilities of "no" and "yes", without naming them."""
    nodes = [
        helper.make_node("Concat", [*weights], ["all"], axis=1),
        helper.make_node("Gemm", ["all", "weights", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["probabilities"], axis=1),
    ]
    constants = [
        numpy_helper.from_array(np.array([[one] for one in weights.values()], np.float32), "weights"),
        numpy_helper.from_array(np.array([bias], np.float32), "bias"),
        numpy_helper.from_array(np.array([1.0], np.float32), "one"),
    ]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 1]) for name in weights],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 2])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def by_harbour(late: Mapping[str, float]) -> bytes:
    """A model of the text column harbour, by the probability of "yes" for each of its values."""
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["harbour"],
            ["yes"],
            domain="ai.onnx.ml",
            keys_strings=[*late],
            values_floats=[*late.values()],
            default_float=0.5,
        ),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "by harbour",
        [helper.make_tensor_value_info("harbour", TensorProto.STRING, ["rows", 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(np.array([1.0], np.float32), "one")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


class FinishedProject(SmallProject):
    """A folder with model.onnx and test.parquet, and the project beside them once it is begun."""

    def __init__(self, folder: Path, *, weights: Mapping[str, float] = POOR) -> None:
        self.around = folder
        self.folder = folder / "ships"
        here = {"SEATRIAL_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")}
        self.environment = {**os.environ, **here, "COLUMNS": "120"}
        (folder / "model.onnx").write_bytes(linear(weights))
        pyarrow.parquet.write_table(ships(), folder / "test.parquet")

    def init(self, *more: str, test: str = "test.parquet", label: str = "late") -> subprocess.CompletedProcess[str]:
        """`seatrial init ships --from model.onnx --test …`, typed beside the files."""
        given = ("--from", "model.onnx", "--test", test, "--label", label, *more)
        return subprocess.run(
            [sys.executable, "-m", "seatrial", "init", "ships", *given],
            cwd=self.around,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def require(self, *lines: str) -> None:
        """Adds a requirement to the policy."""
        with (self.folder / "seatrial.toml").open("a") as file:
            file.write("\n".join(["", "[[policy.require]]", *lines, ""]))

    @property
    def store(self) -> Path:
        """The plain folder that is its store."""
        return self.folder / ".seatrial" / "local"


def without(folder: Path, modules: Sequence[str]) -> str:
    """A PYTHONPATH on which these modules cannot be imported, as where they are not installed."""
    for module in modules:
        (folder / f"{module}.py").write_text("raise ImportError(f'{__name__} is not installed', name=__name__)\n")
    return str(folder)
