"""Trains on batches over HTTP and S3, epoch after epoch, and prints what the process holds: a line a reading.

    python -m tests.real.batches.soak --seconds 600 --every-s 10 --pause-s 0.05

Epochs take turns: packed and plain columns from a server that fails at times, plain columns from SeaweedFS, a forked
DataLoader worker, a loop that is left early, and one that raises. Each line is read when an epoch has ended, so no
reader is open, and whatever is still there was left behind.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import nn
from torch.utils.data import DataLoader

from seatrial.batches.frameworks.to_torch import to_torch
from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.batches.wire.http_wire import Limits
from seatrial.stores.embedded.lease import embedded_store, stop
from seatrial.stores.obstore_objects import open_objects
from tests.real.batches.faulty_server import seeded, serving
from tests.real.batches.packed_files import COLUMNS, WIDTH, write_packed

FILES, GROUPS = 8, 3
BATCH_ROWS = 1024
SAMPLES, SAMPLE_S = 5, 0.02  # of the threads: the kernel still lists one that was just joined
STALL_S = 0.3
SHARE = 0.05  # of the requests that meet a fault
ASKED: dict[str, Any] = {"batch_rows": BATCH_ROWS, "window_mib": 1, "memory_mib": 64}
PATIENT = Limits(silence_s=0.2, failures=20, pause_s=0.01, longest_pause_s=0.1)


@dataclass(frozen=True)
class Reading:
    """What the process holds between two epochs."""

    seconds: float
    epochs: int
    steps: int
    cpu_s: float
    rss_mib: float
    anon_mib: float  # its own memory, without pages of files
    threads: dict[str, int]  # by name: libraries start some of their own
    files: int  # descriptors, sockets among them
    sockets: int
    children: int


@dataclass
class Trainer:
    """A small regression, trained by each epoch in turn."""

    faulty: ParquetTable
    stored: ParquetTable
    pause_s: float
    steps: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(7)
        self.model = nn.Sequential(nn.Linear(WIDTH, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=1e-3)

    def epoch(self, number: int) -> None:
        (self._packed, self._plain, self._worker, self._early, self._raising)[number % 5](number)

    def _packed(self, number: int) -> None:
        with self.faulty.batches(columns=COLUMNS, epoch=number, limits=PATIENT, **ASKED) as batches:
            for batch in batches:
                self._step(torch.from_numpy(batch["features"]), torch.from_numpy(batch["stacked"][:, 0].copy()))

    def _plain(self, number: int) -> None:
        for batch in to_torch(self.stored.batches(columns={"x": ["a", "b"], "y": "a"}, epoch=number, **ASKED)):
            self._step(batch["x"].repeat(1, WIDTH // 2), batch["y"])

    def _worker(self, number: int) -> None:
        dataset = to_torch(self.faulty.batches(columns=COLUMNS, epoch=number, limits=PATIENT, **ASKED))
        for batch in DataLoader(dataset, batch_size=None, num_workers=1):
            self._step(batch["features"], batch["stacked"][:, 0])

    def _early(self, number: int) -> None:
        for batch in self.stored.batches(columns=COLUMNS, epoch=number, **ASKED):
            self._step(torch.from_numpy(batch["features"]), torch.from_numpy(batch["stacked"][:, 1].copy()))
            break

    def _raising(self, number: int) -> None:
        batches = self.faulty.batches(columns=COLUMNS, epoch=number, limits=PATIENT, **ASKED)
        with suppress(ZeroDivisionError), batches:
            for batch in batches:
                self._step(torch.from_numpy(batch["features"]), torch.zeros(len(batch["id"])))
                raise ZeroDivisionError

    def _step(self, features: torch.Tensor, label: torch.Tensor) -> None:
        self.optimiser.zero_grad()
        nn.functional.mse_loss(self.model(features), label).backward()
        self.optimiser.step()
        self.steps += 1
        time.sleep(self.pause_s)


def reading(began: float, epochs: int, steps: int) -> Reading:
    gc.collect()
    memory = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        memory[name] = int(size) / 1024
    files = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            files.append(str(entry.readlink()))
    samples = sorted((_threads() for _ in range(SAMPLES)), key=lambda one: one.total())
    return Reading(
        seconds=round(time.monotonic() - began, 1),
        epochs=epochs,
        steps=steps,
        cpu_s=round(time.process_time(), 1),
        rss_mib=round(memory["Rss:"], 1),
        anon_mib=round(memory["Pss_Anon:"], 1),
        threads=dict(samples[0]),
        files=len(files),
        sockets=sum(one.startswith("socket:") for one in files),
        children=len(multiprocessing.active_children()),
    )


def _threads() -> Counter[str]:
    time.sleep(SAMPLE_S)
    found: Counter[str] = Counter()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found[(task / "comm").read_text().strip()] += 1
    return found


def soak(trainer: Trainer, *, seconds: float, every_s: float, epochs: int, every_epochs: int) -> Iterator[Reading]:
    """Trains for so long, or so many epochs, and gives a reading every so often."""
    began = last = time.monotonic()
    for number in range(epochs or 10**9):
        trainer.epoch(number)
        now = time.monotonic()
        if (number + 1) % every_epochs == 0 if every_epochs else now - last >= every_s:
            last = now
            assert not [one.name for one in threading.enumerate() if one.name.startswith("seatrial-")]
            yield reading(began, number + 1, trainer.steps)
        if not epochs and now - began >= seconds:
            return


def _serve(folder: Path, said: Connection) -> None:
    with serving(folder, stall_s=STALL_S) as server:
        said.send(server.url)
        said.recv()  # the tables were opened: now it fails at times
        server.plan = seeded(7, SHARE)
        with suppress(EOFError):
            said.recv()


@contextmanager
def tables(folder: Path, group_rows: int) -> Iterator[tuple[ParquetTable, ParquetTable]]:
    """The same files on a server of another process that fails at times, and on SeaweedFS."""
    os.environ["SEATRIAL_CACHE"] = str(folder / "cache")
    write_packed(folder / "lake", files=FILES, groups=GROUPS, group_rows=group_rows)
    files = [f"{number}.parquet" for number in range(FILES)]
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(folder / "lake", theirs), daemon=True)
    with ExitStack() as ends:
        server.start()
        theirs.close()
        ends.callback(server.join, 30)
        ends.callback(ours.close)
        faulty = parquet_table(ours.recv(), files=files)
        ours.send("opened")
        state = folder / ".seatrial"
        store = ends.enter_context(embedded_store(state, "soak"))
        ends.callback(stop, state)
        for name in files:
            open_objects(store).put(f"lake/{name}", folder / "lake" / name)
        yield faulty, parquet_table(f"{store.url}/lake", store=store)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--every-s", type=float, default=10)
    parser.add_argument("--epochs", type=int, default=0, help="so many, instead of --seconds")
    parser.add_argument("--every-epochs", type=int, default=0, help="instead of --every-s")
    parser.add_argument("--pause-s", type=float, default=0.0, help="of each step")
    parser.add_argument("--group-rows", type=int, default=1000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    pa.set_cpu_count(1)  # pyarrow starts threads of its pools as chance has it: with these, how many is known
    pa.set_io_thread_count(1)
    with tempfile.TemporaryDirectory() as folder, tables(Path(folder), asked.group_rows) as (faulty, stored):
        readings = soak(
            Trainer(faulty, stored, asked.pause_s),
            seconds=asked.seconds,
            every_s=asked.every_s,
            epochs=asked.epochs,
            every_epochs=asked.every_epochs,
        )
        for one in readings:
            print(json.dumps(asdict(one)), flush=True)


if __name__ == "__main__":
    main()
