"""One run of a peer, in the peer's own environment; prints what it took as JSON. See batches.py.

Each reads the 40 float columns and the label from the same S3 endpoint into NumPy batches of 4,096 rows, shuffled
within a buffer of 50,000 rows where it can.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

NAMES = [f"f{number}" for number in range(40)]
BATCH_ROWS = 4096
BUFFER_ROWS = 50_000
ARGUMENTS: dict[str, Any] = json.loads(sys.argv[2])
KEYS = ARGUMENTS.get("credentials") or ["none", "none"]


def datasets() -> Any:
    """Hugging Face datasets: a streamed Parquet data set, shuffled by its buffer, in NumPy format."""
    from datasets import load_dataset

    options = {"key": KEYS[0], "secret": KEYS[1], "client_kwargs": {"endpoint_url": ARGUMENTS["endpoint"]}}
    files = [f"{ARGUMENTS['url']}/{name}" for name in ARGUMENTS["files"]]
    rows = load_dataset("parquet", data_files=files, split="train", streaming=True, storage_options=options)
    began = start()
    for batch in rows.shuffle(seed=7, buffer_size=BUFFER_ROWS).with_format("numpy").iter(batch_size=BATCH_ROWS):
        yield len(np.stack([batch[name] for name in NAMES], axis=1)), began


def ray() -> Any:
    """Ray Data: read_parquet, batches shuffled by a local buffer."""
    import pyarrow.fs
    import ray as engine

    engine.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    files = pyarrow.fs.S3FileSystem(
        endpoint_override=ARGUMENTS["endpoint"], access_key=KEYS[0], secret_key=KEYS[1], region="us-east-1"
    )
    engine.data.DataContext.get_current().enable_progress_bars = False
    paths = [f"{ARGUMENTS['url'].removeprefix('s3://')}/{name}" for name in ARGUMENTS["files"]]
    began = start()
    rows = engine.data.read_parquet(paths, filesystem=files, columns=[*NAMES, "label"])
    for batch in rows.iter_batches(
        batch_size=BATCH_ROWS, batch_format="numpy", local_shuffle_buffer_size=BUFFER_ROWS, local_shuffle_seed=7
    ):
        yield len(np.stack([batch[name] for name in NAMES], axis=1)), began


def litdata() -> Any:
    """LitData: its own format, written beforehand from the same rows to a local folder, shuffled; a row an item."""
    from litdata import StreamingDataLoader, StreamingDataset

    folder = str(ARGUMENTS["litdata"])
    if not Path(folder).exists():
        from litdata import optimize

        rows = np.random.default_rng(7).random((ARGUMENTS["rows"], len(NAMES)), dtype=np.float32)
        optimize(
            fn=_Row(rows),
            inputs=list(range(len(rows))),
            output_dir=folder,
            chunk_bytes="16MB",
            num_workers=1,
            verbose=False,
        )
    began = start()
    loader = StreamingDataLoader(StreamingDataset(folder, shuffle=True, seed=7), batch_size=BATCH_ROWS, num_workers=0)
    for batch in loader:
        yield len(batch), began


class _Row:
    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __call__(self, number: int) -> Any:
        return self.rows[number]


def petastorm() -> Any:
    """Petastorm: make_batch_reader, row groups shuffled, decoded by two threads."""
    from petastorm import make_batch_reader

    options = {"key": KEYS[0], "secret": KEYS[1], "client_kwargs": {"endpoint_url": ARGUMENTS["endpoint"]}}
    files = [f"{ARGUMENTS['url']}/{name}" for name in ARGUMENTS["files"]]
    began = start()
    with make_batch_reader(
        files, schema_fields=NAMES, workers_count=2, shuffle_row_groups=True, num_epochs=1, storage_options=options
    ) as reader:
        for batch in reader:
            yield len(np.stack([getattr(batch, name) for name in NAMES], axis=1)), began


def start() -> tuple[float, float]:
    """What reading is measured from."""
    return time.perf_counter(), cpu_s()


def cpu_s() -> float:
    """Of the process and of its helpers that have ended."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    ways = {"datasets": datasets, "ray": ray, "litdata": litdata, "petastorm": petastorm}
    rows, first, began = 0, None, (0.0, 0.0)
    for count, began in ways[sys.argv[1]]():
        if first is None:
            first = time.perf_counter() - began[0]
        rows += count
        if rows >= ARGUMENTS["rows"]:
            break
    seconds = time.perf_counter() - began[0]
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    peak_mib = int(peak.split()[1]) / 1024  # with its modules, without its helpers
    found = {"rows": rows, "seconds": seconds, "first_s": first, "cpu_s": cpu_s() - began[1], "peak_mib": peak_mib}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
