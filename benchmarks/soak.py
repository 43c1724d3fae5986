"""The server under steady load for minutes: what is lost, and whether its memory grows.

python benchmarks/soak.py [--minutes 10] [--load 0.8] [--rows 4]

First as many requests as it answers, then that share of them at times that do not wait for answers; each connection is
closed after some requests and another one made. The clients are threads of this process, on the same cores.
"""

from __future__ import annotations

import argparse
import http.client
import queue
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from serve import request, start

CLIENTS = 8
CAPACITY_S = 10.0
REQUESTS_A_CONNECTION = 200  # at most, drawn anew for each connection
TIMEOUT_S = 60.0
LINE_S = 15.0


class Load:
    """Clients that take their requests from a queue of due times, and count how each ended."""

    def __init__(self, port: int, body: bytes, expected: bytes) -> None:
        self.port, self.body, self.expected = port, body, expected
        self.due: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        self.outcomes: Counter[str] = Counter()
        self.waited: list[float] = []  # seconds from when a request was due to its answer
        self.lock = threading.Lock()

    def run(self, schedule: list[float]) -> None:
        """Sends a request at each of these seconds from now, later where no client is free."""
        threads = [threading.Thread(target=self._client, args=(seed,)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        for moment in schedule:
            time.sleep(max(0.0, begun + moment - time.monotonic()))
            self.due.put(begun + moment)
        for _ in threads:
            self.due.put(None)
        for thread in threads:
            thread.join()

    def _client(self, seed: int) -> None:
        chance = random.Random(seed)
        link: http.client.HTTPConnection | None = None
        left = 0
        while (due := self.due.get()) is not None:
            if link is None or not left:
                if link is not None:
                    link.close()
                link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
                left = chance.randint(1, REQUESTS_A_CONNECTION)
            left -= 1
            try:
                outcome = ask(link, self.body, self.expected)
            except (OSError, http.client.HTTPException) as error:
                outcome, left = type(error).__name__, 0
            with self.lock:
                self.outcomes[outcome] += 1
                self.waited.append(time.monotonic() - due)
        if link is not None:
            link.close()


def ask(link: http.client.HTTPConnection, body: bytes, expected: bytes) -> str:
    """One request and how it ended."""
    link.request("POST", "/v2/models/census/infer", body, {"Content-Type": "application/json"})
    answer = link.getresponse()
    answered = answer.read()
    if answer.status != http.HTTPStatus.OK:
        return str(answer.status)
    return "answered" if answered == expected else "wrong"


def capacity(load: Load) -> float:
    """Requests a second that the clients get answered where each asks again at once."""
    before = sum(load.outcomes.values())
    begun = time.monotonic()
    stop = threading.Event()

    def client() -> None:
        link = http.client.HTTPConnection("127.0.0.1", load.port, timeout=TIMEOUT_S)
        while not stop.is_set():
            outcome = ask(link, load.body, load.expected)
            with load.lock:
                load.outcomes[outcome] += 1
        link.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(CAPACITY_S)
    stop.set()
    for thread in threads:
        thread.join()
    return (sum(load.outcomes.values()) - before) / (time.monotonic() - begun)


def resident(process: int) -> float:
    """MiB in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--load", type=float, default=0.8)
    parser.add_argument("--rows", type=int, default=4)
    options = parser.parse_args()
    server = start("seatrial")
    try:
        body = request(options.rows).partition(b"\r\n\r\n")[2]
        link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
        link.request("POST", "/v2/models/census/infer", body, {"Content-Type": "application/json"})
        load = Load(server.port, body, link.getresponse().read())
        link.close()
        rate = capacity(load)
        print(f"{rate:.0f} requests of {options.rows} rows a second at most; {options.load * rate:.0f} from now on")
        load.outcomes.clear()
        first = resident(server.process.pid)
        deadline, sent = time.monotonic() + 60 * options.minutes, 0
        while time.monotonic() < deadline:
            count = max(1, round(options.load * rate * LINE_S))
            load.waited.clear()
            load.run([place * LINE_S / count for place in range(count)])
            sent += count
            waited = sorted(load.waited)
            print(
                f"{sent:8d} sent, {dict(load.outcomes)}; p50 {waited[len(waited) // 2] * 1000:.1f} ms, "
                f"p99 {waited[len(waited) * 99 // 100] * 1000:.1f} ms; {resident(server.process.pid):.1f} MiB",
                flush=True,
            )
        print(f"memory {first:.1f} MiB before, {resident(server.process.pid):.1f} MiB after")
        sys.exit(load.outcomes.keys() != {"answered"} or sum(load.outcomes.values()) != sent)
    finally:
        server.process.kill()
        server.process.wait()


if __name__ == "__main__":
    main()
