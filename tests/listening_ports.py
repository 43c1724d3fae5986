"""Which TCP ports a process listens on, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

LISTEN = "0A"  # net/tcp_states.h


def listening(pid: int) -> set[tuple[str, int]]:
    """Address (hexadecimal, as in /proc/net/tcp) and port of every listening socket of the process."""
    sockets = {
        str(entry.readlink()).removeprefix("socket:[").removesuffix("]")
        for entry in Path(f"/proc/{pid}/fd").iterdir()
        if str(entry.readlink()).startswith("socket:")
    }
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    places = [row[1].partition(":") for row in rows if row[3] == LISTEN and row[9] in sockets]
    return {(address, int(port, 16)) for address, _, port in places}
