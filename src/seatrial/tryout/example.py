"""What `seatrial try --example` tries: a small census model and table that ship with Seatrial."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from seatrial.trial.question import Question

MODEL, TABLE = "census.onnx", "census.parquet"
QUESTION = Question(label="income", groups=("sex", "race", "age:30,50"))
CREDIT = "The table is a sample of UCI Adult (Becker & Kohavi 1996, CC BY 4.0): people of 1994."


def example_folder() -> Path:
    """Where the two files are: inside the installed package, or beside `src` in a checkout."""
    package = Path(str(files("seatrial")))
    installed = package / "examples" / "try"
    return installed if installed.is_dir() else package.parents[1] / "examples" / "try"
