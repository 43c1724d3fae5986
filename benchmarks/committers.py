"""Claim: the magic committer writes to S3 faster than the file committer, which copies every file a second time.

Writes the same rows × 10 columns with Spark under each committer, interleaved, on SeaweedFS (the embedded store) and,
where its program is there (SEATRIAL_TEST_MINIO or PATH), on MinIO. The physical limit beside them is a raw PUT of the
same bytes in as many objects. Results: benchmarks/results/committers.json and docs/benchmarks/committers.md.

    python benchmarks/committers.py                     10 million rows, 5 repeats
    python benchmarks/committers.py --rows 100000 --repeats 2 --out /tmp/try
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.prepare.session import spark_session
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.stores.embedded.lease import embedded_store, stop
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import CatalogSettings, Credentials, StoreSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[1]
COLUMNS = 10
PARTITIONS = 8
BUCKET = "lake"
SERVER_START_S = 60
MAGIC, FILE, RAW = "magic committer", "file committer", "raw PUT of the same bytes"
SETTINGS = {
    MAGIC: {
        "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
    },
    FILE: {
        "spark.sql.sources.commitProtocolClass": (
            "org.apache.spark.sql.execution.datasources.SQLHadoopMapReduceCommitProtocol"
        ),
        "spark.sql.parquet.output.committer.class": "org.apache.parquet.hadoop.ParquetOutputCommitter",
    },
}


def main() -> None:
    arguments = parse()
    results: dict[str, dict[str, list[float]]] = {}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="seatrial-committers-") as folder:
        for name, server in (("SeaweedFS", seaweed), ("MinIO", minio)):
            with server(Path(folder)) as store:
                if store is None:
                    print(f"{name}: its program is not there; left out")
                    continue
                results[name], sizes[name] = measure(store, Path(folder), arguments.rows, arguments.repeats)
    document = {
        "claim": "Spark's write of one Parquet data set to S3, by committer",
        "rows": arguments.rows,
        "columns": COLUMNS,
        "files": PARTITIONS,
        "repeats": arguments.repeats,
        "bytes": sizes,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": results,
    }
    out = arguments.out
    (out / "benchmarks" / "results").mkdir(parents=True, exist_ok=True)
    (out / "docs" / "benchmarks").mkdir(parents=True, exist_ok=True)
    (out / "benchmarks" / "results" / "committers.json").write_text(json.dumps(document, indent=1) + "\n")
    page = out / "docs" / "benchmarks" / "committers.md"
    page.write_text(render(document))
    print(page.read_text())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT, help="where benchmarks/ and docs/ are; default: here")
    return parser.parse_args()


def measure(store: StoreSettings, folder: Path, rows: int, repeats: int) -> tuple[dict[str, list[float]], int]:
    """Seconds of each way, in the order measured; and how many bytes one of them wrote."""
    catalog = CatalogSettings(f"sqlite:///{folder}/{uuid.uuid4()}.db", f"{store.url}/warehouse", store)
    seconds: dict[str, list[float]] = {MAGIC: [], FILE: [], RAW: []}
    payload: list[bytes] = []
    with spark_session(SparkSettings(memory="3g"), store, catalog, log=folder / "spark.log") as spark:
        write(spark, store, MAGIC, rows // 10, "warm-up")
        for repeat in range(repeats):
            # Whoever goes first finds another machine than whoever goes last: the order turns.
            for way in (MAGIC, FILE) if repeat % 2 == 0 else (FILE, MAGIC):
                prefix = f"r{repeat}-{way.split()[0]}"
                seconds[way].append(write(spark, store, way, rows, prefix))
                check_committer(store, prefix, way)
                payload = payload or read_back(store, prefix)
                remove(store, prefix)
            seconds[RAW].append(put_raw(store, payload))
            print({way: [round(one, 2) for one in found] for way, found in seconds.items()}, flush=True)
    return seconds, sum(map(len, payload))


def write(spark: SparkSession, store: StoreSettings, way: str, rows: int, prefix: str) -> float:
    """One write of random numbers, which no codec shrinks; the seconds that it took."""
    from pyspark.sql import functions as F  # noqa: N812 as Spark's own documentation names it

    for key, value in SETTINGS[way].items():
        spark.conf.set(key, value)
    columns = [F.rand(seed=number).alias(f"c{number}") for number in range(COLUMNS)]
    frame = spark.range(rows, numPartitions=PARTITIONS).select(*columns)
    # The factory that S3A asks belongs to the write, not to the session: as an option it is the file committer's.
    factory = "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
    if way == FILE:
        factory = "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory"
    started = time.perf_counter()
    frame.write.option("mapreduce.outputcommitter.factory.scheme.s3a", factory).parquet(
        f"{store.url.replace('s3:', 's3a:')}/{prefix}"
    )
    return time.perf_counter() - started


def check_committer(store: StoreSettings, prefix: str, way: str) -> None:
    """A benchmark of the wrong committer would be a fine number: `_SUCCESS` says which one it was."""
    success = open_objects(store).get(f"{prefix}/_SUCCESS").data
    found = json.loads(success)["committer"] if success else "file"
    if found != way.split()[0]:
        raise SystemExit(f"{way}: _SUCCESS says {found!r}")


def read_back(store: StoreSettings, prefix: str) -> list[bytes]:
    objects = open_objects(store)
    return [objects.get(info.key).data for info in objects.list(f"{prefix}/") if info.key.endswith(".parquet")]


def put_raw(store: StoreSettings, payload: list[bytes]) -> float:
    objects = open_objects(store)
    prefix = f"raw-{uuid.uuid4()}"
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # as many at once as Spark has tasks
        list(threads.map(lambda item: objects.put(f"{prefix}/{item[0]}", item[1]), enumerate(payload)))
    taken = time.perf_counter() - started
    remove(store, prefix)
    return taken


def remove(store: StoreSettings, prefix: str) -> None:
    objects = open_objects(store)
    for info in list(objects.list(f"{prefix}/")):
        objects.delete(info.key)


@contextmanager
def seaweed(folder: Path) -> Iterator[StoreSettings | None]:
    state = folder / "seaweed" / ".seatrial"
    with embedded_store(state, "committers") as store:
        yield store
    stop(state)


@contextmanager
def minio(folder: Path) -> Iterator[StoreSettings | None]:
    program = os.environ.get("SEATRIAL_TEST_MINIO") or shutil.which("minio")
    if not program:
        yield None
        return
    (folder / "minio" / BUCKET).mkdir(parents=True)
    secrets, port, console = Credentials("committers", uuid.uuid4().hex), free_port(), free_port()
    server = subprocess.Popen(
        [
            *(program, "server", str(folder / "minio"), "--quiet"),
            *("--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"),
        ],
        env={**os.environ, "MINIO_ROOT_USER": secrets.access_key, "MINIO_ROOT_PASSWORD": secrets.secret_key},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield StoreSettings(f"s3://{BUCKET}/b", f"http://127.0.0.1:{port}", secrets)
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + SERVER_START_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("MinIO did not start")


def render(document: dict[str, Any]) -> str:
    """The table of the docs: medians with min–max, and how often slower than the raw PUT."""
    said = (
        f"Spark writes {document['rows']:,} rows × {document['columns']} columns of random float64 as"
        f" {document['files']} Parquet files; {document['repeats']} interleaved repeats, medians with min–max, on"
        f" {document['machine']['cores']} cores. Made by `python benchmarks/committers.py`."
    )
    lines = [
        *("---", "orphan: true", "---", ""),
        *("# Committers", "", said, ""),
        "| store | way | seconds | MB/s |",
        "|---|---|---|---|",
    ]
    for name, ways in document["seconds"].items():
        for way, seconds in ways.items():
            median = statistics.median(seconds)
            rate = document["bytes"][name] / median / 1e6
            lines.append(f"| {name} | {way} | {median:.2f} ({min(seconds):.2f}–{max(seconds):.2f}) | {rate:,.0f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
