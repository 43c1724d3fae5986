"""Two processes train as one does: the same rows in each global batch, the same loss at every step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 4000
STEPS = 2 * ROWS // 200
SCRIPT = Path(__file__).parent / "train_together.py"
SUMS_DIFFER = 1e-5  # float32 gradients of two halves are added in another order than those of the whole


def losses(folder: Path, processes: int) -> list[float]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder)],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("loss ")]


def test_two_processes_have_the_loss_of_one_at_the_same_global_batch(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    chance = np.random.default_rng(7)
    numbers = chance.normal(size=(3, ROWS)).astype(np.float32)
    label = (numbers[0] - 2 * numbers[1] + chance.normal(size=ROWS) / 10).astype(np.float32)
    columns = {name: pa.array(one) for name, one in zip("abcy", [*numbers, label], strict=True)}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=500)
    alone, together = losses(tmp_path, 1), losses(tmp_path, 2)
    assert len(alone) == len(together) == STEPS
    assert np.allclose(alone, together, rtol=SUMS_DIFFER, atol=SUMS_DIFFER)
    assert alone[-1] < alone[0] / 4
