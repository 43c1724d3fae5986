"""One run of one way to read a table, in a process of its own; prints what it took as JSON. See batches.py.

python benchmarks/batches_runs.py WAY JSON
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet as pq

from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.plan.permutation import permutation
from seatrial.batches.reading.batch_work import Work
from seatrial.batches.wire.open_wire import open_wire
from seatrial.batches.wire.wire import DataFile
from seatrial.stores.settings import Credentials, StoreSettings

WIDTH = 40
NAMES = [f"f{number}" for number in range(WIDTH)]
BATCH_ROWS = 4096
RANGE_BYTES = 8 * 2**20
FETCHERS = 8
THREADS = 2
WINDOW_ROWS = 400_000  # 64 MiB of packed rows
IMAGE_SIDE = 183  # × 183 × 3 bytes: 100 KB


class Place:
    """Where the files are: a prefix on an S3 store, or a static server's folder."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.url, self.files = str(document["url"]), list(document["files"])
        keys = document.get("credentials")
        credentials = Credentials(*keys) if keys else None
        self.store = StoreSettings(self.url, document.get("endpoint"), credentials)
        self.endpoint = str(document.get("endpoint") or document["server"])

    def table(self) -> ParquetTable:
        return parquet_table(self.url, store=self.store, files=self.files)

    def filesystem(self) -> pyarrow.fs.S3FileSystem:
        keys: dict[str, Any] = {"anonymous": True}
        if self.store.credentials is not None:
            keys = {"access_key": self.store.credentials.access_key, "secret_key": self.store.credentials.secret_key}
        return pyarrow.fs.S3FileSystem(endpoint_override=self.endpoint, region="us-east-1", **keys)

    def paths(self) -> list[str]:
        """As S3 clients name them: bucket/key."""
        prefix = self.url.removeprefix("s3://").removeprefix(f"{self.endpoint}/")
        return [f"{prefix}/{name}" for name in self.files]

    def sizes(self) -> list[DataFile]:
        wire = open_wire(f"{self.url}/{self.files[0]}", self.store)
        try:
            return [wire.tail(f"{self.url}/{name}", None, 8).file for name in self.files]
        finally:
            wire.close()


def packed(place: Place) -> Iterator[int]:
    yield from seatrial(place, ["features", "label"])


def columns(place: Place) -> Iterator[int]:
    yield from seatrial(place, {"features": NAMES, "label": "label"})


def whole(place: Place) -> Iterator[int]:
    """Every column as an array of its own: the census table."""
    yield from seatrial(place, None)


def images(place: Place) -> Iterator[int]:
    def decode(data: memoryview) -> np.ndarray[Any, Any]:
        return np.frombuffer(data, np.uint8).reshape(IMAGE_SIDE, IMAGE_SIDE, 3)

    with place.table().batches(batch_rows=64, decode={"image": decode}) as batches:
        for batch in batches:
            yield len(batch["label"])
        STATS.update(stats_of(batches))


def trained(place: Place) -> Iterator[int]:
    """Packed batches, and a step after each that takes what `step_s` says: does it ever wait?"""
    with place.table().batches(columns=["features", "label"], batch_rows=BATCH_ROWS) as batches:
        for batch in batches:
            yield len(batch["label"])
            time.sleep(ARGUMENTS["step_s"])
        STATS.update(stats_of(batches))


def seatrial(place: Place, names: Any) -> Iterator[int]:
    with place.table().batches(columns=names, batch_rows=BATCH_ROWS) as batches:
        for batch in batches:
            yield len(next(iter(batch.values())))
        STATS.update(stats_of(batches))


def stats_of(batches: Any) -> dict[str, Any]:
    found = batches.stats()
    wait = found.waited_s - (found.first_batch_s or 0)
    return {
        "fetched_bytes": found.fetched_bytes,
        "requests": found.requests + len(PLACE.files),  # and a footer each
        "waited": max(wait, 0) / max(found.seconds - (found.first_batch_s or 0), 1e-9),
        "bottleneck": found.bottleneck,
    }


def arrow_columns(place: Place) -> Iterator[int]:
    """pyarrow.dataset, unshuffled: 40 columns into a matrix, batch by batch."""
    dataset = pyarrow.dataset.dataset(place.paths(), filesystem=place.filesystem(), format="parquet")
    for batch in dataset.to_batches(columns=[*NAMES, "label"], batch_size=BATCH_ROWS):
        matrix = np.empty((batch.num_rows, WIDTH), np.float32)
        for number in range(WIDTH):
            matrix[:, number] = batch.column(number).to_numpy()
        label = batch.column(WIDTH).to_numpy().copy()
        yield len(label)


def arrow_packed(place: Place) -> Iterator[int]:
    """pyarrow.dataset, unshuffled: the packed column, its buffer as a matrix, copied once to be owned."""
    dataset = pyarrow.dataset.dataset(place.paths(), filesystem=place.filesystem(), format="parquet")
    for batch in dataset.to_batches(columns=["features", "label"], batch_size=BATCH_ROWS):
        column: Any = batch.column(0)
        start = column.offset
        offsets = np.frombuffer(column.buffers()[1], np.int32)[start : start + 1]
        numbers = np.frombuffer(column.buffers()[2], np.float32, len(column) * WIDTH, int(offsets[0]))
        matrix = numbers.reshape(-1, WIDTH).copy()
        label = batch.column(1).to_numpy().copy()
        yield min(len(matrix), len(label))


def arrow_whole(place: Place) -> Iterator[int]:
    """pyarrow.dataset, unshuffled: every column to NumPy."""
    dataset = pyarrow.dataset.dataset(place.paths(), filesystem=place.filesystem(), format="parquet")
    for batch in dataset.to_batches(batch_size=BATCH_ROWS):
        for column in batch.columns:
            column.to_numpy(zero_copy_only=False)
        yield batch.num_rows


def raw(place: Place) -> Iterator[int]:
    """The limit of wire and store: every byte of the files in ranges, by our client, into buffers used again."""
    files = place.sizes()
    wire = open_wire(files[0].path, place.store)
    ranges = [(file, at) for file in files for at in range(0, file.size_bytes, RANGE_BYTES)]
    buffers = np.zeros((2 * FETCHERS, RANGE_BYTES), np.uint8)

    def get(number: int) -> int:
        file, at = ranges[number]
        size = min(RANGE_BYTES, file.size_bytes - at)
        wire.read(file, at, [buffers[number % len(buffers)].data[:size]])
        return size

    yield from fetched(get, len(ranges))
    wire.close()


def raw_ranges(place: Place) -> Iterator[int]:
    """The same for the ranges of a shuffled epoch, in its order: row groups begin anywhere in a file."""
    opened = place.table().batches(columns=["features", "label"], batch_rows=BATCH_ROWS).opened
    wire = open_wire(opened.source.files[0].path, place.store)
    work = Work(opened.epoch, 0, opened.files, opened.live, opened.keep, opened.outputs, wire, place.url)
    ranges = [one for window in range(opened.epoch.windows) for one in work.layout(window).ranges]
    buffers = np.zeros((2 * FETCHERS, max(one.length for one in ranges)), np.uint8)

    def get(number: int) -> int:
        one = ranges[number]
        wire.read(one.file, one.start, [buffers[number % len(buffers)].data[: one.length]])
        return one.length

    yield from fetched(get, len(ranges))
    wire.close()


def raw_obstore(place: Place) -> Iterator[int]:
    """The same by obstore."""
    from obstore.store import HTTPStore, S3Store

    files = place.sizes()
    options = {"allow_http": True}
    store: Any
    if place.store.credentials is None:
        store = HTTPStore.from_url(place.endpoint, client_options=options)
    else:
        store = S3Store(
            place.paths()[0].partition("/")[0],
            endpoint=place.endpoint,
            region="us-east-1",
            access_key_id=place.store.credentials.access_key,
            secret_access_key=place.store.credentials.secret_key,
            client_options=options,
            virtual_hosted_style_request=False,
        )
    keys = [path if place.store.credentials is None else path.partition("/")[2] for path in place.paths()]
    ranges = [
        (key, at, file.size_bytes)
        for key, file in zip(keys, files, strict=True)
        for at in range(0, file.size_bytes, RANGE_BYTES)
    ]

    def get(number: int) -> int:
        key, at, size = ranges[number]
        return len(store.get_range(key, start=at, end=min(at + RANGE_BYTES, size)))

    yield from fetched(get, len(ranges))


def fetched(get: Callable[[int], int], count: int) -> Iterator[int]:
    with ThreadPoolExecutor(FETCHERS) as pool:
        total = sum(pool.map(get, range(count)))
    STATS["fetched_bytes"] = total
    yield ARGUMENTS["rows"]


def shuffle(_: Place) -> Iterator[int]:
    """The limit of mixing: rows of a window in memory taken at random, its order included."""
    window = np.random.default_rng(7).random((WINDOW_ROWS, WIDTH), dtype=np.float32)
    label = np.arange(WINDOW_ROWS)
    rows = ARGUMENTS["rows"]
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(max(rows // WINDOW_ROWS, 1)):
            mixed = permutation(WINDOW_ROWS, number)

            def take(start: int, mixed: Any = mixed) -> int:
                positions = mixed[start : start + BATCH_ROWS]
                return len(window.take(positions, axis=0)) + 0 * len(label.take(positions))

            yield from pool.map(take, range(0, WINDOW_ROWS, BATCH_ROWS))
    STATS["seconds"] = time.perf_counter() - began


def decode(place: Place) -> Iterator[int]:
    """The limit of decoding 40 columns: pyarrow from memory into matrices, row groups on two threads."""
    with place.filesystem().open_input_file(place.paths()[0]) as file:
        data = pa.py_buffer(file.read())
    metadata = pq.read_metadata(pa.BufferReader(data))

    def group(number: int) -> int:
        table = pq.ParquetFile(pa.BufferReader(data), metadata=metadata).read_row_group(
            number % metadata.num_row_groups, columns=NAMES, use_threads=False
        )
        turned = np.stack([table[name].to_numpy() for name in NAMES])
        matrix = np.empty((table.num_rows, WIDTH), np.float32)
        for start in range(0, table.num_rows, BATCH_ROWS):
            matrix[start : start + BATCH_ROWS] = turned[:, start : start + BATCH_ROWS].T
        return len(matrix)

    groups = metadata.num_row_groups * len(place.files)
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        yield sum(pool.map(group, range(groups)))
    STATS["seconds"] = time.perf_counter() - began


WAYS = {
    way.__name__: way
    for way in (
        *(packed, columns, whole, images, trained),
        *(arrow_columns, arrow_packed, arrow_whole, raw, raw_ranges, raw_obstore, shuffle, decode),
    )
}
STATS: dict[str, Any] = {}
ARGUMENTS: dict[str, Any] = json.loads(sys.argv[2])
PLACE = Place(ARGUMENTS)


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mib(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def main() -> None:
    before, cpu, began = resident_mib("VmRSS"), cpu_s(), time.perf_counter()
    first = None
    rows = 0
    for count in WAYS[sys.argv[1]](PLACE):
        if first is None:
            first = time.perf_counter() - began
        rows += count
    seconds = time.perf_counter() - began
    found = {
        "rows": rows,
        "seconds": seconds,
        "first_s": first,
        "cpu_s": cpu_s() - cpu,
        "peak_mib": resident_mib("VmHWM") - before,
        **STATS,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
