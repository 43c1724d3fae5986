"""A small census-like model, given as the ONNX bytes that a user's own exporter would write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from seatrial.models.codec import Codec
from seatrial.models.package import build_package
from seatrial.models.provenance import DataSnapshot, Provenance
from seatrial.models.trained import Trained

CODEC = Codec.from_statistics(
    numbers={"age": (38.5, 13.6), "hours": (40.0, 12.0)},
    vocabularies={"sex": ["Female", "Male"], "city": ["Zürich", "東京", ""]},
)
PROVENANCE = Provenance(
    code="c" * 64,
    step_key="k" * 64,
    parameters={"epochs": 8, "rate": 0.1, "mitigate": False, "loss": "bce"},
    data=(DataSnapshot("train", "census.features_train", 7, "d" * 64),),
    python="3.11",
    libraries={"torch": "2.9"},
)


def linear_model(
    weights: NDArray[np.float32], *, opset: int = 17, squeeze: bool = False, **changes: Any
) -> onnx.ModelProto:
    """features float32[n, width] → logits float32[n, outputs], or [n] with `squeeze`."""
    nodes = [helper.make_node("MatMul", ["features", "weights"], ["product"])]
    constants = [numpy_helper.from_array(weights, "weights")]
    output, shape = "product", ["rows", weights.shape[1]]
    if squeeze:
        constants.append(numpy_helper.from_array(np.array([1]), "axis"))
        nodes.append(helper.make_node("Squeeze", ["product", "axis"], ["flat"]))
        output, shape = "flat", ["rows"]
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", weights.shape[0]])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **changes)


def random_weights(outputs: int) -> NDArray[np.float32]:
    return np.random.default_rng(outputs).normal(size=(CODEC.width, outputs)).astype(np.float32)


@pytest.fixture(scope="session")
def linear() -> Callable[..., onnx.ModelProto]:
    return linear_model


@pytest.fixture(scope="session")
def weights() -> Callable[[int], NDArray[np.float32]]:
    return random_weights


@pytest.fixture(scope="session")
def provenance() -> Provenance:
    return PROVENANCE


@pytest.fixture(scope="session")
def codec() -> Codec:
    return CODEC


@pytest.fixture(scope="session")
def rows() -> pa.Table:
    random = np.random.default_rng(7)
    count = 500
    return pa.table(
        {
            "age": pa.array(random.normal(38, 14, count), mask=random.random(count) < 0.05),
            "hours": pa.array(random.integers(1, 99, count)),
            "sex": pa.array(random.choice(np.array(["Female", "Male", "?"]), count)),
            "city": pa.array(
                random.choice(np.array(["Zürich", "東京", "Bern"]), count), mask=random.random(count) < 0.1
            ),
            "id": pa.array(np.arange(count)),
        }
    )


@pytest.fixture(scope="session")
def binary() -> Trained:
    return Trained(
        linear_model(random_weights(1), squeeze=True).SerializeToString(), CODEC, ("<=50K", ">50K"), ">50K", 0.4
    )


@pytest.fixture(scope="session")
def package(binary: Trained, rows: pa.Table) -> dict[str, bytes]:
    return build_package(binary, rows=rows, provenance=PROVENANCE)
