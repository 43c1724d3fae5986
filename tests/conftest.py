"""What holds for every test, and for the processes that it starts: one thread a library, and no file of the user's.

Two cores are enough for the suite only where no library starts a thread for each: they wait for one another by
spinning, and take the cores from the processes beside them. Keys, trust and counted uses go to a folder that is gone
afterwards, whoever runs the tests. onnxruntime, which some tests import themselves, tells its maker nothing. Hypothesis
sets no deadline: an example that took long on a busy machine is no finding.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_account = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Before anything imports NumPy: libraries look at these when they are loaded."""
    folder = Path(tempfile.mkdtemp(prefix="seatrial-tests-"))
    config.stash[_account] = folder
    os.environ.update(dict.fromkeys((*ONE_THREAD, "ORT_DISABLE_TELEMETRY"), "1"))
    os.environ.update({"SEATRIAL_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state")})


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_account], ignore_errors=True)
