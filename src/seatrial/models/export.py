"""From what a framework fitted to an ONNX graph, its tensors, and the framework's own answers to compare with."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.graph import OPSET
from seatrial.models.join import check_inner
from seatrial.models.safety import first_line, read_model
from seatrial.models.sessions import open_session
from seatrial.models.trained import Trained

Answer = Callable[[NDArray[np.float32]], NDArray[np.float64]]

# The package's first name → how its model becomes ONNX bytes of logits.
_CONVERTERS = {
    "sklearn": "skl2onnx, with the option raw_scores",
    "keras": 'keras.Model.export(path, format="onnx")',
    "tensorflow": "tf2onnx",
    "xgboost": "onnxmltools",
    "lightgbm": "onnxmltools",
    "catboost": 'model.save_model(path, format="onnx")',
    "jax": "jax2onnx",
}
_EXAMPLE_ROWS = 2  # of one row, an exporter would take the number of rows for a constant


@dataclass(frozen=True, slots=True)
class Exported:
    """A model as ONNX (float32[n, width] → logits), the tensors it was fitted to, and the framework's own answers."""

    model: onnx.ModelProto
    answer: Answer  # features float32[n, width] → logits float64, by the framework
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def export(trained: Trained) -> Exported:
    """The exporter of the type of `trained.fitted`; `InputError` for a type that has none, or when exporting fails."""
    fitted, width = trained.fitted, trained.codec.width
    if isinstance(fitted, bytes):
        exported = _from_onnx(fitted)
    elif "torch" in _packages(fitted):  # looked at by name: torch is imported only for those who use it
        exported = _from_torch(fitted, width)
    else:
        raise _unsupported(fitted)
    check_inner(exported.model, width)
    return exported


def _packages(value: object) -> set[str]:
    return {kind.__module__.partition(".")[0] for kind in type(value).__mro__}


def _unsupported(fitted: object) -> InputError:
    kind = f"{type(fitted).__module__}.{type(fitted).__qualname__}"
    converters = [how for package, how in _CONVERTERS.items() if package in _packages(fitted)]
    way = f"Convert it with {converters[0]}" if converters else "Convert it to ONNX"
    return InputError(
        f"a {kind} cannot be packaged; a PyTorch module and the bytes of an ONNX model can.",
        path="Trained.fitted",
        mend=f"{way}, float32 features in and logits out, and give the model's bytes.",
    )


def _from_onnx(data: bytes) -> Exported:
    try:
        model = read_model(data, functions=True)
    except ValueError as error:
        raise InputError(
            f"these {len(data)} bytes are no valid ONNX model: {error}.",
            path="Trained.fitted",
            mend="Give the content of a .onnx file, in one piece.",
        ) from None
    session = open_session(data, path="Trained.fitted")

    def answer(features: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(session.run(None, {session.get_inputs()[0].name: features})[0], np.float64)

    return Exported(model, answer)


def _from_torch(fitted: Any, width: int) -> Exported:  # a torch module, of a library without types
    import torch

    if not isinstance(fitted, torch.nn.Module):
        raise _unsupported(fitted)
    module = copy.deepcopy(fitted).cpu().eval()
    example = torch.zeros(_EXAMPLE_ROWS, width)
    try:
        with _quiet():
            # Not optimised: folding would change the tensors, and onnxruntime optimises when it loads.
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                optimize=False,
                verbose=False,
                opset_version=OPSET,
                input_names=["features"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("rows")},),
            )
    except Exception as error:  # noqa: BLE001  # torch raises errors of many kinds, all of them about this module
        raise InputError(
            f"torch could not export {type(fitted).__qualname__} to ONNX for float32 rows of width {width}: "
            f"{first_line(error.__cause__ or error)}",
            path="Trained.fitted",
            mend="Its forward takes one tensor, the codec's features, and gives one; or export it to ONNX yourself "
            "and give the bytes.",
        ) from None
    tensors = {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}

    def answer(features: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.no_grad():
            return np.asarray(module(torch.from_numpy(features)).double().numpy())

    return Exported(program.model_proto, answer, tensors)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # torch's exporter speaks of itself by print, by warnings and by logging; what fails, raises.
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
