from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
import safetensors.numpy

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.package import build_package
from seatrial.models.provenance import Provenance
from seatrial.models.runtime import load_predictor
from seatrial.models.trained import Trained

pytestmark = pytest.mark.simulation

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def perceptron(codec: Codec, outputs: int) -> Any:
    torch.manual_seed(7)
    return torch.nn.Sequential(
        torch.nn.Linear(codec.width, 16),
        torch.nn.BatchNorm1d(16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(16, outputs),
    )


@pytest.fixture(scope="module")
def trained(codec: Codec) -> Trained:
    return Trained(perceptron(codec, 1), codec, ("<=50K", ">50K"), ">50K")


@pytest.fixture(scope="module")
def package(trained: Trained, rows: pa.Table, provenance: Provenance) -> dict[str, bytes]:
    return build_package(trained, rows=rows, provenance=provenance)


def test_the_package_answers_as_the_module_does(trained: Trained, package: dict[str, bytes], rows: pa.Table) -> None:
    module: Any = trained.fitted
    module.eval()
    assert trained.codec is not None
    with torch.no_grad():
        expected = torch.sigmoid(module(torch.from_numpy(trained.codec.encode(rows))).double()).numpy().ravel()
    answers = load_predictor(package).predict(rows)
    np.testing.assert_allclose(np.asarray(answers.probabilities)[:, 1], expected, atol=1e-6)


def test_the_weights_are_all_of_the_modules_tensors(trained: Trained, package: dict[str, bytes]) -> None:
    module: Any = trained.fitted
    weights = safetensors.numpy.load(package["weights.safetensors"])
    expected = {f"model/{name}" for name in module.state_dict() if not name.endswith("num_batches_tracked")}
    assert set(weights) == expected
    for name, tensor in weights.items():
        assert (tensor == module.state_dict()[name.removeprefix("model/")].numpy()).all()


def test_packaging_leaves_the_module_as_it_was(trained: Trained, rows: pa.Table, provenance: Provenance) -> None:
    module: Any = trained.fitted
    module.train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    build_package(trained, rows=rows, provenance=provenance)
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_packaging_twice_gives_the_same_bytes(
    trained: Trained, package: dict[str, bytes], rows: pa.Table, provenance: Provenance
) -> None:
    assert build_package(trained, rows=rows, provenance=provenance) == package


def test_the_graph_tells_nothing_about_this_machine(package: dict[str, bytes]) -> None:
    graph = onnx.load_model_from_string(package["model.onnx"]).graph
    assert not any(node.metadata_props or node.doc_string for node in graph.node)
    assert b".py" not in package["model.onnx"]


def test_packaging_says_nothing(
    trained: Trained, rows: pa.Table, provenance: Provenance, capfd: pytest.CaptureFixture[str]
) -> None:
    build_package(trained, rows=rows, provenance=provenance)
    assert capfd.readouterr() == ("", "")


def test_several_classes_are_packaged(codec: Codec, rows: pa.Table, provenance: Provenance) -> None:
    trained = Trained(perceptron(codec, 3), codec, ("a", "b", "c"))
    answers = load_predictor(build_package(trained, rows=rows, provenance=provenance)).predict(rows)
    assert np.asarray(answers.probabilities).shape == (rows.num_rows, 3)


class Branches(torch.nn.Module):  # type: ignore[misc, name-defined]  # torch has no types
    """A module whose forward depends on its data."""

    def forward(self, features: Any) -> Any:
        return features[:, 0] if features.sum() > 0 else features[:, 1]


class TwoAnswers(torch.nn.Module):  # type: ignore[misc, name-defined]  # torch has no types
    """A module that gives two tensors."""

    def forward(self, features: Any) -> Any:
        return features[:, 0], features[:, 1]


def test_a_module_that_cannot_be_exported_is_named(codec: Codec, rows: pa.Table, provenance: Provenance) -> None:
    with pytest.raises(InputError, match=r"torch could not export Branches to ONNX.*or export it to ONNX yourself"):
        build_package(Trained(Branches(), codec, ("a", "b"), "a"), rows=rows, provenance=provenance)


def test_a_module_of_two_answers_is_an_error(codec: Codec, rows: pa.Table, provenance: Provenance) -> None:
    with pytest.raises(InputError, match=r"model\.onnx: the model has 1 inputs and 2 outputs"):
        build_package(Trained(TwoAnswers(), codec, ("a", "b"), "a"), rows=rows, provenance=provenance)


def test_torch_is_imported_for_torch_modules_only() -> None:
    code = (
        "import sys, seatrial.models.package, seatrial.models.runtime; print([m for m in sys.modules if m == 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
