"""A line of JSON for each request: who answered what, how, and how fast. Nothing of what was sent or answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TextIO

from seatrial.serve.application import Served


class AccessLog:
    """Writes to a stream; a path is the client's to choose, and JSON keeps it on its line."""

    def __init__(self, stream: TextIO, *, release: str) -> None:
        self._stream = stream
        self._release = release

    def __call__(self, served: Served) -> None:
        """One request."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "release": self._release,
            "request_id": served.request_id,
            "method": served.method,
            "path": served.path,
            "status": served.status,
            "ms": round(served.seconds * 1000, 3),
            "answer_bytes": served.answer_bytes,
        }
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()
