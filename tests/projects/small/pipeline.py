"""Ships that come late: made-up rows, and a linear model fitted by least squares."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper

from seatrial import Codec, Table, Trained, step

HARBOURS = ("Bergen", "Zürich")
CODEC = Codec.from_statistics(numbers={"wind": (8.0, 4.0)}, vocabularies={"harbour": HARBOURS})


@step(outputs=("train", "validation", "test"))
def rows(*, count: int = 3000, seed: int = 7) -> dict[str, pa.Table]:
    """Rows of wind, harbour and whether the ship was late."""
    generator = np.random.default_rng(seed)
    wind = generator.gamma(4.0, 2.0, count)
    harbour = generator.integers(0, len(HARBOURS), count)
    late = generator.random(count) < 1 / (1 + np.exp(8.0 - wind))
    names = pa.array(np.array(HARBOURS)[harbour])
    table = pa.table({"wind": pa.array(wind), "harbour": names, "late": pa.array(np.where(late, "yes", "no"))})
    return {
        "train": table[: count // 2],
        "validation": table[count // 2 : count * 2 // 3],
        "test": table[count * 2 // 3 :],
    }


@step(inputs={"train": "rows.train"}, libraries=("numpy",))
def model(train: Table, *, bias: float = 0.0) -> Trained:
    """A linear model of lateness; `bias` shifts its logits, and so spoils it."""
    data = train.to_arrow()
    features = CODEC.encode(data).astype(np.float64)
    target = np.where(np.asarray(data["late"].to_pylist()) == "yes", 2.0, -2.0)
    weights, *_ = np.linalg.lstsq(features, target, rcond=None)
    return Trained(_as_onnx(weights, bias), CODEC, classes=("no", "yes"), positive="yes")


def _as_onnx(weights: np.ndarray, bias: float) -> bytes:
    constants = [
        numpy_helper.from_array(weights[:, None].astype(np.float32), "weights"),
        numpy_helper.from_array(np.array([bias], np.float32), "bias"),
    ]
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["features", "weights", "bias"], ["logits"])],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", len(weights)])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
