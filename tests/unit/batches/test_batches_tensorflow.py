"""Batches in TensorFlow. The tests are in `in_tensorflow.py`, one behaviour each, and run in a process of their own.

PyTorch's Triton and TensorFlow each bring an LLVM, and where TensorFlow is imported first the other one ends the
process ("Option … registered more than once": PyTorch 2.15, TensorFlow 2.21). Its threads would also be there in every
test that forks, and Keras has one back end a process: here it is TensorFlow, elsewhere PyTorch.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.simulation

TESTS = Path(__file__).with_name("in_tensorflow.py")


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_batches_in_tensorflow_do_what_their_own_tests_say(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'tests'}", TESTS],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stdout
