"""Claim: shuffled batches of a table on object storage come as fast as wire and shuffle allow, in a fixed memory.

Reads the same 40 float32 features and label, packed into one column and as 40 columns, from a plain static range
server, from SeaweedFS (the embedded store) and, where its program is there (SEATRIAL_TEST_MINIO or PATH), from MinIO;
at 0 and 20 ms of added latency, and from a wire of 400 MB/s. Beside it in the same run, interleaved: pyarrow.dataset
(unshuffled), and the parts apart: a raw ranged GET of the same bytes (file by file in pieces of 8 MiB; and the ranges
of a shuffled epoch in its order), decoding from memory, shuffling in memory. The census table and images of 100 KB come
from the static server. Peers run in environments of their own: --peers FOLDER with a virtual environment each
(datasets, ray, litdata, petastorm; those that are not there are left out). Results: benchmarks/results/batches.json and
docs/benchmarks/batches.md.

    python benchmarks/batches.py                         6 million rows, 5 repeats: about 15 minutes
    python benchmarks/batches.py --quick --out /tmp/try  1 million rows, 2 repeats: about 2 minutes
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from batches_page import render

from seatrial.batches.plan.window_size import WINDOW_MIB
from seatrial.stores.embedded.lease import embedded_store, stop
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import Credentials, StoreSettings

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
WIDTH = 40
FILES = 8
GROUP_ROWS = 2**23 // (WIDTH * 4)  # 8 MiB of features
IMAGES, IMAGE_BYTES = 2000, 183 * 183 * 3
CENSUS_ROWS = 1_000_000
PEER_ROWS = 200_000  # peers take seconds for so many
LATENCY_MS = 20
THROTTLE_MB_S = 400
SERVER_START_S = 60
RUN_S = 120
BUCKET = "lake"
WIRE = ("packed", "columns", "arrow_columns", "arrow_packed", "raw", "raw_ranges", "raw_obstore")
ALONE = ("shuffle", "decode")

Place = dict[str, Any]


def main() -> None:
    arguments = parse()
    runs: dict[str, dict[str, list[Any]]] = {}
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(
                    prefix="seatrial-batches-", dir=arguments.scratch, ignore_cleanup_errors=True
                )
            )
        )
        os.environ["SEATRIAL_CACHE"] = str(folder / "cache")
        data = write_data(folder / "data", arguments.rows)
        places = open_places(stack, folder, data)
        for repeat in range(arguments.repeats):
            plan = [(name, way, place) for name, (ways, place) in places.items() for way in ways]
            # Whoever goes first finds another machine than whoever goes last: the order turns.
            turn = repeat * len(plan) // arguments.repeats
            for name, way, place in plan[turn:] + plan[:turn]:
                found = run(way, place)
                runs.setdefault(name, {}).setdefault(way, []).append(found)
                print(repeat, name, way, said(found), flush=True)
        peers = run_peers(arguments, folder, places)
        sizes = {kind: sum(path.stat().st_size for path in paths) for kind, paths in data.items()}
    document = {
        "claim": "batches of a table on object storage, shuffled, against what wire, decoder and shuffle allow",
        "rows": arguments.rows,
        "width": WIDTH,
        "files": FILES,
        "repeats": arguments.repeats,
        "images": IMAGES,
        "peer_rows": min(PEER_ROWS, arguments.rows),
        "bytes": sizes,
        "window_bytes": WINDOW_MIB * 2**20,
        "latency_ms": LATENCY_MS,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "runs": runs,
        "peers": peers,
    }
    out = arguments.out
    (out / "benchmarks" / "results").mkdir(parents=True, exist_ok=True)
    (out / "docs" / "benchmarks").mkdir(parents=True, exist_ok=True)
    (out / "benchmarks" / "results" / "batches.json").write_text(json.dumps(document, indent=1) + "\n")
    page = out / "docs" / "benchmarks" / "batches.md"
    page.write_text(render(document))
    print(page.read_text())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a million rows, two repeats")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--peers", type=Path, help="a folder of virtual environments, named after the peers")
    parser.add_argument("--scratch", type=Path, help="where the data is written; 12 GB for the full run")
    parser.add_argument("--out", type=Path, default=ROOT, help="where benchmarks/ and docs/ are; default: here")
    arguments = parser.parse_args()
    arguments.rows = arguments.rows or (1_000_000 if arguments.quick else 6_000_000)
    arguments.repeats = arguments.repeats or (2 if arguments.quick else 5)
    return arguments


def write_data(folder: Path, rows: int) -> dict[str, list[Path]]:
    """The same random numbers packed and as columns, which no codec shrinks; images; the census."""
    for kind in ("packed", "columns", "images", "census"):
        (folder / kind).mkdir(parents=True)
    count = rows // FILES
    found: dict[str, list[Path]] = {"packed": [], "columns": [], "images": [], "census": []}
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False, "row_group_size": GROUP_ROWS}
    for number in range(FILES):
        features = np.random.default_rng(number).random((count, WIDTH), dtype=np.float32)
        label = pa.array(np.arange(number * count, (number + 1) * count))
        offsets = np.arange(count + 1, dtype=np.int32) * features.itemsize * WIDTH
        binary: Any = pa.BinaryArray.from_buffers(
            pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(features)]
        )
        packed = pa.table({"features": binary, "label": label}).replace_schema_metadata(
            {"seatrial.packed.features": json.dumps({"dtype": "float32", "width": WIDTH})}
        )
        pq.write_table(packed, folder / "packed" / f"{number}.parquet", **plain)
        single: Any = {f"f{column}": features[:, column].copy() for column in range(WIDTH)}
        pq.write_table(
            pa.table({**single, "label": label}),
            folder / "columns" / f"{number}.parquet",
            row_group_size=GROUP_ROWS,
            compression="snappy",
        )
        found["packed"].append(folder / "packed" / f"{number}.parquet")
        found["columns"].append(folder / "columns" / f"{number}.parquet")
    pixels = np.random.default_rng(7).integers(0, 256, (IMAGES, IMAGE_BYTES), np.uint8)
    image = pa.table({"image": pa.array([one.tobytes() for one in pixels], pa.binary()), "label": np.arange(IMAGES)})
    pq.write_table(image, folder / "images" / "0.parquet", compression="none", use_dictionary=False, row_group_size=80)
    found["images"].append(folder / "images" / "0.parquet")
    census = ROOT / "examples" / "try" / "census.parquet"
    if census.exists():
        people = pq.read_table(census)
        for number, column in enumerate(people.columns):
            if pa.types.is_string(column.type):  # a text's array has no room for nulls
                people = people.set_column(number, people.column_names[number], column.fill_null(""))
        repeated = pa.concat_tables([people] * (CENSUS_ROWS // people.num_rows)).combine_chunks()
        pq.write_table(repeated, folder / "census" / "0.parquet", compression="zstd", row_group_size=100_000)
        found["census"].append(folder / "census" / "0.parquet")
    return found


def open_places(
    stack: ExitStack, folder: Path, data: dict[str, list[Path]]
) -> dict[str, tuple[tuple[str, ...], Place]]:
    """Where is read from, by name, and which ways."""
    served = stack.enter_context(server("static", str(folder / "data")))
    static = {"server": f"http://127.0.0.1:{served}", "bytes": {}, "data": data}
    places: dict[str, tuple[tuple[str, ...], Place]] = {
        "static server": ((*WIRE, *ALONE, "trained"), static),
        f"static server, {LATENCY_MS} ms": (WIRE, through(stack, static, LATENCY_MS, 0)),
        f"static server, {THROTTLE_MB_S} MB/s": (
            ("packed", "columns", "arrow_columns", "raw"),
            through(stack, static, 0, THROTTLE_MB_S),
        ),
        "images": (("images", "raw"), {**static, "only": "images"}),
    }
    if data["census"]:
        places["census"] = (("whole", "arrow_whole", "raw"), {**static, "only": "census"})
    for name, opened in (("SeaweedFS", seaweed), ("MinIO", minio)):
        store = stack.enter_context(opened(folder))
        if store is None:
            print(f"{name}: its program is not there; left out")
            continue
        objects = open_objects(replace(store, url=f"s3://{BUCKET}"))
        for kind in ("packed", "columns"):
            for path in data[kind]:
                objects.put(f"{kind}/{path.name}", path)
        assert store.credentials is not None
        place = {
            "endpoint": store.endpoint,
            "credentials": [store.credentials.access_key, store.credentials.secret_key],
            "data": data,
        }
        places[name] = (WIRE, place)
        places[f"{name}, {LATENCY_MS} ms"] = (WIRE, through(stack, place, LATENCY_MS, 0))
    return places


def through(stack: ExitStack, place: Place, latency_ms: int, mb_per_s: int) -> Place:
    """The same place behind a proxy."""
    key = "endpoint" if "endpoint" in place else "server"
    port = str(place[key]).rpartition(":")[2]
    narrowed = stack.enter_context(server("proxy", port, str(latency_ms), str(mb_per_s)))
    return {**place, key: f"http://127.0.0.1:{narrowed}"}


def run(way: str, place: Place, *, step_s: float = 0.0) -> dict[str, Any]:
    """One way, once, in a process of its own."""
    kind = place.get("only") or ("columns" if way in ("columns", "arrow_columns", "decode") else "packed")
    files = [path.name for path in place["data"][kind]]
    rows = sum(pq.read_metadata(path).num_rows for path in place["data"][kind])
    url = f"s3://{BUCKET}/{kind}" if "endpoint" in place else f"{place['server']}/{kind}"
    if way == "trained":  # a step that takes twice as long as a batch from the fastest place
        step_s = 2 * 4096 / 5e6
    asked = {key: place[key] for key in ("server", "endpoint", "credentials") if key in place}
    document = {**asked, "url": url, "files": files, "rows": rows, "step_s": step_s}
    command = [sys.executable, str(HERE / "batches_runs.py"), way, json.dumps(document)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S)
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if found["rows"] != rows and way not in ALONE:
        raise SystemExit(f"{way} gave {found['rows']} of {rows} rows")
    found["needed_bytes"] = sum(path.stat().st_size for path in place["data"][kind])
    return found


def run_peers(arguments: argparse.Namespace, folder: Path, places: dict[str, Any]) -> dict[str, list[Any]]:
    """Peers from SeaweedFS, or what they say when they fail."""
    peers: dict[str, list[Any]] = {}
    if arguments.peers is None or "SeaweedFS" not in places:
        return peers
    place = places["SeaweedFS"][1]
    files = [path.name for path in place["data"]["columns"]]
    document = {
        "endpoint": place["endpoint"],
        "credentials": place["credentials"],
        "url": f"s3://{BUCKET}/columns",
        "files": files[:1] if arguments.quick else files,
        "rows": min(PEER_ROWS, arguments.rows // FILES if arguments.quick else arguments.rows),
        "litdata": str(folder / "litdata"),
    }
    for repeat in range(arguments.repeats):
        for name in ("datasets", "ray", "litdata", "petastorm"):
            python = arguments.peers / name / "bin" / "python"
            if not python.exists() or any("failed" in one for one in peers.get(name, [])):
                continue
            command = [str(python), str(HERE / "batches_peers.py"), name, json.dumps(document)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S)
                found = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
            except (subprocess.TimeoutExpired, ValueError, IndexError):
                found = None
            if found is None:
                found = {"failed": (done.stderr.strip().splitlines() or ["no answer"])[-1][-300:]}
            peers.setdefault(name, []).append(found)
            print(repeat, name, found, flush=True)
    return peers


def said(found: dict[str, Any]) -> str:
    rate = found["rows"] / found["seconds"] / 1e6
    return f"{rate:.2f} M rows/s, {found['cpu_s']:.2f} s CPU, first {found['first_s']:.3f} s"


@contextmanager
def server(kind: str, *arguments: str) -> Iterator[int]:
    port = free_port()
    first, *rest = arguments
    started = subprocess.Popen([sys.executable, str(HERE / "batches_servers.py"), kind, first, str(port), *rest])
    try:
        wait_for(port)
        yield port
    finally:
        started.terminate()
        started.wait()


@contextmanager
def seaweed(folder: Path) -> Iterator[StoreSettings | None]:
    state = folder / "seaweed" / ".seatrial"
    with embedded_store(state, "batches") as store:
        yield store
    stop(state)


@contextmanager
def minio(folder: Path) -> Iterator[StoreSettings | None]:
    program = os.environ.get("SEATRIAL_TEST_MINIO") or shutil.which("minio")
    if not program:
        yield None
        return
    (folder / "minio" / BUCKET).mkdir(parents=True)
    secrets, port, console = Credentials("batches", uuid.uuid4().hex), free_port(), free_port()
    started = subprocess.Popen(
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
        yield StoreSettings(f"s3://{BUCKET}", f"http://127.0.0.1:{port}", secrets)
    finally:
        started.terminate()
        started.wait()


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
        time.sleep(0.05)
    raise SystemExit(f"no server answers on port {port}")


if __name__ == "__main__":
    main()
