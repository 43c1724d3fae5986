"""What is left in a home, and so would be sent, after a model was opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.simulation

MODEL = Path(__file__).parents[3] / "examples" / "try" / "census.onnx"
ITS_OWN_SILENCE = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD")
OPEN = """
import sys
{first}
from pathlib import Path
from seatrial.models.sessions import open_session
open_session(Path(sys.argv[1]).read_bytes(), path="census.onnx")
"""


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("", False),
        ("import os; os.environ['ORT_DISABLE_TELEMETRY'] = '0'", True),  # whoever wants it; and proof that it would be
    ],
)
def test_opening_a_model_leaves_nothing_for_onnxruntimes_maker(tmp_path: Path, first: str, told: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ITS_OWN_SILENCE}
    environment |= {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "https_proxy": "http://127.0.0.1:9",
    }
    subprocess.run(
        [sys.executable, "-c", OPEN.format(first=first), str(MODEL)], env=environment, check=True, timeout=100
    )
    assert bool([path for path in tmp_path.rglob("*") if path.is_file()]) is told
