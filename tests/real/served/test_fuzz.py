"""Bodies that are nearly right: whatever arrives is answered or refused, never a fault, and the server lives on."""

from __future__ import annotations

import contextlib
import csv
import http.client
import io
import json
import random
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Sea, Server, rows
from .test_served_release import INFER, request_of

BODIES = 2400
TIMEOUT_S = 30
TOKENS = [
    b"null",
    b"NaN",
    b"-0",
    b"1e999",
    b'"\\ud800"',
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"\x00",
    b"\xff",
    b"9" * 400,
    b'"',
    b"\n",
]
VALUES: list[Any] = [None, True, -1, 2**70, 1.5, "", "x" * 300, [], {}, [[1]], [None] * 3, {"a": {}}, "FP16", "BYTES"]
Request = tuple[str, bytes, dict[str, str]]


def mutated_bytes(data: bytes, chance: random.Random) -> bytes:
    """Cut, doubled, overwritten, or with a token put in."""
    at, until = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return chance.choice(
        [
            data[:at] + data[until:],
            data[:until] + data[at:],
            data[:at] + bytes(chance.randrange(256) for _ in range(min(until - at, 8))) + data[at + 8 :],
            data[:at] + chance.choice(TOKENS) + data[at:],
        ]
    )


def mutated_document(document: Any, chance: random.Random) -> Any:
    """A value somewhere replaced, dropped or moved."""
    places: list[tuple[Any, Any]] = []

    def visit(value: Any) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in list(pairs):
            places.append((value, key))
            visit(inner)

    copy = json.loads(json.dumps(document))
    visit(copy)
    owner, key = chance.choice(places)
    if chance.random() < 0.3:
        del owner[key]
    else:
        owner[key] = chance.choice(VALUES)
    return copy


def binary_request(document: dict[str, Any], chance: random.Random) -> Request:
    raw = b""
    for tensor in document["inputs"]:
        values = tensor.pop("data")
        if tensor["datatype"] == "BYTES":
            texts = [(value or "").encode() for value in values]
            data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            data = struct.pack(f"<{len(values)}d", *(value or 0.0 for value in values))
        tensor["parameters"] = {"binary_data_size": len(data)}
        raw += data
    if chance.random() < 0.5:
        document = mutated_document(document, chance)
    else:
        raw = mutated_bytes(raw, chance)
    head = json.dumps(document).encode()
    length = len(head) + (chance.choice([-1, 1, 10**9]) if chance.random() < 0.1 else 0)
    return INFER, head + raw, {"Inference-Header-Content-Length": str(length)}


def json_request(document: dict[str, Any], chance: random.Random) -> Request:
    if chance.random() < 0.5:
        return INFER, json.dumps(mutated_document(document, chance)).encode(), {}
    return INFER, mutated_bytes(json.dumps(document).encode(), chance), {}


def records_request(document: dict[str, Any], chance: random.Random) -> Request:
    names = [tensor["name"] for tensor in document["inputs"]]
    records: Any = [
        dict(zip(names, row, strict=True))
        for row in zip(*(tensor["data"] for tensor in document["inputs"]), strict=True)
    ]
    path = chance.choice(["/predict", "/score"])
    if path == "/score":
        records = {chance.choice(["data", "input_data", "inputs"]): records}
    if chance.random() < 0.5:
        return path, json.dumps(mutated_document(records, chance)).encode(), {}
    return path, mutated_bytes(json.dumps(records).encode(), chance), {}


def csv_request(document: dict[str, Any], chance: random.Random) -> Request:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(tensor["name"] for tensor in document["inputs"])
    writer.writerows(zip(*(tensor["data"] for tensor in document["inputs"]), strict=True))
    return "/predict", mutated_bytes(text.getvalue().encode(), chance), {"Content-Type": "text/csv"}


MAKERS: list[Callable[[dict[str, Any], random.Random], Request]] = [
    json_request,
    binary_request,
    records_request,
    csv_request,
]


def requests(sea: Sea, chance: random.Random) -> Iterator[Request]:
    for turn in range(BODIES):
        path, body, headers = MAKERS[turn % len(MAKERS)](request_of(rows(3, turn), sea), chance)
        if chance.random() < 0.05:
            headers["Content-Encoding"] = chance.choice(["gzip", "deflate", "br"])
        yield path, body, headers


def test_no_body_is_a_fault(sea: Sea, server: Server) -> None:
    statuses: Counter[int] = Counter()
    memory = resident(server.process.pid)
    address = server.address.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(address, timeout=TIMEOUT_S)) as link:
        for path, body, headers in requests(sea, random.Random(17)):
            link.request("POST", path, body, {"Content-Type": "application/json", **headers})
            answer = link.getresponse()
            answered = answer.read()
            statuses[answer.status] += 1
            assert answer.status in (200, 400, 413, 415, 422), (path, body, headers, answered)
            assert b"Traceback" not in answered
    assert server.process.poll() is None
    assert statuses[200] > BODIES / 50  # some mutations change nothing that matters
    assert statuses[400] > BODIES / 4
    assert resident(server.process.pid) < memory + 64 * 2**20


def resident(process: int) -> int:
    """Bytes in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.filterwarnings("default")
def test_what_the_openapi_document_allows_is_no_fault(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{server.address}/openapi.json",
            "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            "--max-examples=5",
            "--phases=coverage,fuzzing",
            "--seed=7",
            "--generation-database=none",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
