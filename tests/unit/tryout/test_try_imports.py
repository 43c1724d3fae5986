"""Trying starts quickly and needs the core alone: nothing is loaded that this model and this table do not want."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.simulation

# pandas is missing from these: pyarrow loads it, where it is installed, to make NumPy arrays.
NEVER = (
    "torch",
    "sklearn",
    "scipy",
    "xgboost",
    "lightgbm",
    "keras",
    "pyspark",
    "pyiceberg",
    "narwhals",
    "polars",
    "httpx",
)
NOT_FOR_HELP = (*NEVER, "pyarrow", "numpy", "onnx", "onnxruntime", "obstore", "pydantic", "jinja2")

PROGRAM = """
import sys
from seatrial.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    print("ended", ended.code)
print("loaded", *sys.modules)
"""


@pytest.mark.parametrize(
    ("words", "unwanted"), [(("try", "--help"), NOT_FOR_HELP), (("try", "--example"), NEVER)], ids=["help", "example"]
)
def test_nothing_is_loaded_that_is_not_wanted(words: tuple[str, ...], unwanted: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert loaded[0] == "loaded"
    assert set(loaded) & set(unwanted) == set()
