"""Ten times as many epochs hold no more than the first: memory, threads, descriptors, processes (see `soak`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EPOCHS = 10
# Allocators of several threads grow in steps until they have met every order of events: 6 MiB were seen between 10 and
# 100 epochs, 12 between 50 and 700. One buffer that is kept an epoch would be 90.
MEMORY_MIB = 24


@pytest.mark.timeout(600)
def test_ten_times_as_many_epochs_hold_no_more_than_the_first() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    command = [
        sys.executable,
        "-m",
        "tests.real.batches.soak",
        f"--epochs={10 * EPOCHS}",
        f"--every-epochs={EPOCHS}",
        "--group-rows=400",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr[-3000:]
    first, *_, last = map(json.loads, done.stdout.splitlines())
    assert last["epochs"] == 10 * first["epochs"]
    assert last["anon_mib"] - first["anon_mib"] < MEMORY_MIB, done.stdout
    for name in ("threads", "files", "sockets", "children"):
        assert last[name] == first[name], done.stdout
