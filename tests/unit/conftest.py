"""The unit tier is quick and starts nothing; what is not is marked `simulation`, and runs beside it in CI."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

SIMULATIONS_ALONE = re.compile(r"^pytestmark = (\[\s*)?pytest\.mark\.simulation\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files of simulations alone are not imported where none is run: PyTorch and TensorFlow take seconds each."""
    if config.getoption("markexpr") != "not simulation" or collection_path.suffix != ".py":
        return None
    return True if SIMULATIONS_ALONE.search(collection_path.read_text()) else None


_start = subprocess.Popen.__init__


def _refuse(process: subprocess.Popen[bytes], arguments: Sequence[str], *rest: object, **options: object) -> None:
    """Lets `platform` ask for the processor, as libraries make it do; nothing else starts."""
    if list(arguments) != ["uname", "-p"]:
        raise AssertionError(f"this test starts a process ({arguments}): mark it pytest.mark.simulation")
    _start(process, arguments, *rest, **options)  # type: ignore[call-overload]


@pytest.fixture(autouse=True)
def _starts_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("simulation") is None:
        monkeypatch.setattr(subprocess.Popen, "__init__", _refuse)
