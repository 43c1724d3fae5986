"""memory_mib is kept: what a reader holds at its peak, measured from outside, whatever the table's size and shape."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.batches.parquet_table import parquet_table
from seatrial.errors import InputError

WIDTH = 40
FILE_ROWS = 250_000
MANY_ROWS, NARROW = 10_000_000, 2
GROUP_ROWS = 25_000
BUDGET_MIB = 96
WINDOW_MIB = 16
# What allocators of several threads keep, parsed footers and pages of files take beside the budget: 35 MiB were seen,
# with ten million rows, and after thirty epochs.
CONSTANT_MIB = 64

CHILD = """
import json, resource, sys
from pathlib import Path
from seatrial.batches.parquet_table import parquet_table
import seatrial.batches.reading.reader

def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024

place, small, columns, budget, window = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), *map(int, sys.argv[4:])
def read(folder):
    rows = 0
    with parquet_table(folder).batches(columns=columns, memory_mib=budget, window_mib=window) as batches:
        for batch in batches:
            rows += len(next(iter(batch.values())))
    return rows
read(small)  # modules, pools and arenas are there
before = resident()
Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
rows = read(place)
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
print(json.dumps({"rows": rows, "grown_mib": peak - before}))
"""


def peak(
    place: Path, small: Path, columns: Any, *, budget: int = BUDGET_MIB, window: int = WINDOW_MIB
) -> dict[str, float]:
    """Rows read, and MiB that a process grew by while reading them."""
    arguments = [str(place), str(small), json.dumps(columns), str(budget), str(window)]
    done = subprocess.run([sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


def write(folder: Path, rows: int, *, group_rows: int = GROUP_ROWS, width: int = WIDTH) -> Path:
    """Packed and ordinary columns of the same numbers; each file is the first one again."""
    folder.mkdir()
    count = min(rows, FILE_ROWS)
    numbers = np.random.default_rng(7).random((count, width), dtype=np.float32)
    offsets = np.arange(count + 1, dtype=np.int32) * numbers.itemsize * width
    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(numbers.data)]
    columns: dict[str, Any] = {"features": pa.BinaryArray.from_buffers(pa.binary(), count, buffers)}
    columns |= {f"c{number}": pa.array(numbers[:, number].copy()) for number in range(width)}
    table = pa.table(columns).replace_schema_metadata(
        {"seatrial.packed.features": json.dumps({"dtype": "float32", "width": width})}
    )
    pq.write_table(table, folder / "0.parquet", row_group_size=group_rows, compression="none", use_dictionary=False)
    for number in range(1, rows // FILE_ROWS):
        (folder / f"{number}.parquet").hardlink_to(folder / "0.parquet")
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("memory") / "small", 50_000)


STACKED = {"x": [f"c{number}" for number in range(WIDTH)]}


@pytest.mark.parametrize("columns", [["features"], STACKED], ids=["packed", "stacked"])
@pytest.mark.parametrize("rows", [100_000, 1_000_000])
def test_the_peak_stays_under_the_budget_and_a_constant_for_every_size(
    tmp_path: Path, small: Path, rows: int, columns: Any
) -> None:
    found = peak(write(tmp_path / "lake", rows), small, columns)
    assert found["rows"] == rows if rows < FILE_ROWS else found["rows"] >= rows
    assert found["grown_mib"] < BUDGET_MIB + CONSTANT_MIB


def test_the_peak_of_ten_million_rows_is_no_larger(tmp_path: Path, small: Path) -> None:
    """Short rows: the order of a window takes as much as its bytes."""
    found = peak(write(tmp_path / "lake", MANY_ROWS, width=NARROW), small, ["features"])
    assert found["rows"] == MANY_ROWS
    assert found["grown_mib"] < BUDGET_MIB + CONSTANT_MIB


@pytest.mark.parametrize("columns", [["features"], STACKED], ids=["packed", "stacked"])
def test_one_wide_row_group_takes_what_is_asked_for_it_and_no_more(tmp_path: Path, small: Path, columns: Any) -> None:
    place = write(tmp_path / "lake", FILE_ROWS, group_rows=FILE_ROWS)
    with pytest.raises(InputError, match="memory_mib=") as caught:
        parquet_table(place).batches(columns=columns, memory_mib=24)
    needed = int(str(caught.value).rpartition("memory_mib=")[2].partition(",")[0])
    found = peak(place, small, columns, budget=needed)
    assert found["rows"] == FILE_ROWS
    assert found["grown_mib"] < needed + CONSTANT_MIB
