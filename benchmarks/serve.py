"""What a request costs the server, in processor time: HTTP alone, and answers of the example's model.

python benchmarks/serve.py [--rounds 5] [--only seatrial,bare]

Rounds are interleaved, so that a busy machine slows all alike; read the ratios. The client is another process.
granian is compared where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet
from serve_candidates import package

HERE = Path(__file__).resolve().parent
HTTP = ("h11", "httptools", "raw", "granian", "loop")
ANSWERING = ("seatrial", "unbatched", "fastapi", "bare")
LINKS = 8  # connections that are kept alive, one request on each at a time
REQUESTS = {1: 2400, 32: 1600}
START_S = 60
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Running:
    name: str
    process: subprocess.Popen[bytes]
    port: int

    def processor_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def request(rows: int) -> bytes:
    """A request of so many rows of the example, as bytes on the wire."""
    table = pyarrow.parquet.read_table(HERE.parent / "examples" / "try" / "census.parquet").slice(0, rows)
    inputs = [
        {
            "name": column["name"],
            "datatype": "BYTES" if column["kind"] == "text" else "FP64",
            "shape": [rows],
            "data": table[column["name"]].to_pylist(),
        }
        for column in json.loads(package()["signature.json"])["inputs"]
    ]
    body = json.dumps({"inputs": inputs}).encode()
    head = f"POST /v2/models/census/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def start(name: str) -> Running:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(HERE / "serve_candidates.py"), name, str(port)])
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return Running(name, process, port)
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise SystemExit(f"{name} does not answer within {START_S} s")


def ask(server: Running, message: bytes, count: int) -> None:
    links = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(LINKS)]
    for _ in range(count // LINKS):
        for link in links:
            link.sendall(message)
        for link in links:
            receive(link, server.name)
    for link in links:
        link.close()


def receive(link: socket.socket, name: str) -> None:
    data = link.recv(2**20)
    while b"\r\n\r\n" not in data:
        data += link.recv(2**20)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{name} answered {data[:400]!r}")
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    size = 0 if found is None else int(found[1])
    while len(body) < size:
        body += link.recv(2**20)


def measure(names: list[str], rows: int, rounds: int) -> dict[str, list[float]]:
    """Processor milliseconds a request, by server, a value a round; the first round warms up and is left out."""
    message, servers = request(rows), [start(name) for name in names]
    taken: dict[str, list[float]] = {name: [] for name in names}
    try:
        for turn in range(rounds + 1):
            for server in servers:
                before = server.processor_s()
                ask(server, message, REQUESTS[rows])
                if turn:
                    taken[server.name].append((server.processor_s() - before) / REQUESTS[rows] * 1000)
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()
    return taken


def show(title: str, taken: dict[str, list[float]], against: str) -> None:
    reference = statistics.median(taken[against]) if against in taken else None
    print(f"\n{title}: processor ms a request (least, most), and times that of {against}")
    for name, values in taken.items():
        middle = statistics.median(values)
        ratio = "" if reference is None else f"{middle / reference:6.2f}"
        print(f"  {name:10s} {middle:6.3f} ({min(values):.3f}, {max(values):.3f}) {ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name] or [*HTTP, *ANSWERING]
    if importlib.util.find_spec("granian") is None:
        wanted = [name for name in wanted if name != "granian"]
    if http := [name for name in HTTP if name in wanted]:
        show("HTTP alone", measure(http, 1, options.rounds), "loop")
    if answering := [name for name in ANSWERING if name in wanted]:
        for rows in REQUESTS:
            show(f"answers to {rows} rows", measure(answering, rows, options.rounds), "bare")


if __name__ == "__main__":
    main()
