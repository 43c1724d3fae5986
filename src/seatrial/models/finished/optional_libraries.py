"""What the readers of boosters ask for first: the library, and a file that fits into memory."""

from __future__ import annotations

import importlib.util

from seatrial.errors import InputError

# The module → its name, and the extra of Seatrial that has it.
_LIBRARIES = {
    "xgboost": ("XGBoost", "xgboost"),
    "lightgbm": ("LightGBM", "lightgbm"),
    "skl2onnx": ("skl2onnx", "sklearn"),
}


# Read as Python objects a file becomes some ten times as large; the trees that people serve have tens of MB.
_MAX_BYTES = 2**29


def check_size(data: bytes, path: str) -> None:
    """An `InputError` for a file of trees that would fill the memory."""
    if len(data) > _MAX_BYTES:
        raise InputError(
            f"the file has {len(data) / 2**20:,.0f} MB; trees are read up to {_MAX_BYTES / 2**20:,.0f}.",
            path=path,
            hint="Export it to ONNX, which is read in one piece, or train fewer trees.",
        )


def require(module: str, path: str) -> None:
    """An `InputError` that names the extra, unless the library is installed; it is not imported."""
    if importlib.util.find_spec(module) is None:
        name, extra = _LIBRARIES[module]
        raise InputError(
            f"packaging such a model needs {name}, which is not installed.",
            path=path,
            hint=f'Install it: pip install "seatrial[{extra}]".',
        )
