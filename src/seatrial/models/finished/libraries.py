"""Libraries that a model's own format needs, and the extras that bring them."""

from __future__ import annotations

import importlib.util

from seatrial.errors import InputError

# The module → its name, and the extra of Seatrial that has it.
_LIBRARIES = {
    "xgboost": ("XGBoost", "xgboost"),
    "lightgbm": ("LightGBM", "lightgbm"),
    "skl2onnx": ("skl2onnx", "sklearn"),
}


def require(module: str, path: str) -> None:
    """An `InputError` that names the extra, unless the library is installed; it is not imported."""
    if importlib.util.find_spec(module) is None:
        name, extra = _LIBRARIES[module]
        raise InputError(
            f"packaging such a model needs {name}, which is not installed.",
            path=path,
            mend=f'Install it: pip install "seatrial[{extra}]".',
        )
