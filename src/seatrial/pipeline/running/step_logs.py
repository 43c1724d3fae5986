"""What the steps of a run printed: the logs that this machine has, and those that are kept in the store.

A run copies a step's log into the store of its profile when the step ends (`jobs/RUN/STEP.log`), so that every machine
that reaches the store can read it. The store of the profile `local` is this machine's own, and gets no second copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError, did_you_mean
from seatrial.pipeline.places.run_documents import logs_prefix
from seatrial.pipeline.running.run_records import match_run, run_names
from seatrial.stores.objects import Objects

SUFFIX = ".log"


@dataclass(frozen=True, slots=True)
class StepLog:
    """The log of one step of a run; Spark's own is called "spark". `place` is its file, or its key in the store."""

    run: str
    step: str
    place: str
    read: Callable[[], bytes]

    def lines(self) -> Iterator[str]:
        """Its lines, without their ends; what is not UTF-8 is replaced."""
        *lines, last = self.read().split(b"\n")
        for line in (*lines, *([last] if last else [])):
            yield line.decode(errors="replace").rstrip("\r")


def step_logs(state: Path, *, run: str | None, step: str | None, store: Objects | None = None) -> tuple[StepLog, ...]:
    """The logs of a run, of one step or of all, in the order in which they ended; None is the newest that ran a step.

    `run` may be cut short as long as it names one run. Where the store has a log too, it is the whole one: this machine
    may have left before the step ended.
    """
    folders = {folder.name for folder in (state / "runs").glob("*") if folder.is_dir()}
    stored = set() if store is None else set(run_names(store))
    names = sorted(folders | stored)
    if run is not None:
        name = match_run(run, names)
        chosen = _logs_of(name, state, store)
    else:
        logged = (logs for name in reversed(names) if (logs := _logs_of(name, state, store)))
        chosen = next(logged, ())
        if not chosen:
            raise InputError(
                "steps have not run on this machine yet." if store is None else "steps have not run yet.",
                path=str(state / "runs"),
                hint="Steps that are cached print nothing; see how the runs ended: seatrial runs",
            )
    if step is None:
        return chosen
    matching = tuple(log for log in chosen if log.step == step)
    if not matching:
        steps = [log.step for log in chosen]
        hint = did_you_mean(step, steps) or f"There is: {', '.join(steps) or 'none; every step was cached'}."
        raise InputError(f"step {step!r} did not write a log in this run.", path=run or "the newest run", hint=hint)
    return matching


def _logs_of(run: str, state: Path, store: Objects | None) -> tuple[StepLog, ...]:
    ended: dict[str, tuple[float, StepLog]] = {}
    for path in (state / "runs" / run).glob(f"*{SUFFIX}"):
        ended[path.stem] = (path.stat().st_mtime, StepLog(run, path.stem, str(path), path.read_bytes))
    if store is not None:
        for info in store.list(logs_prefix(run)):
            if info.key.endswith(SUFFIX):
                step = info.key.removeprefix(logs_prefix(run)).removesuffix(SUFFIX)
                log = StepLog(run, step, info.key, _reader(store, info.key))
                ended[step] = (info.modified.timestamp(), log)
    return tuple(log for _, log in sorted(ended.values(), key=lambda entry: (entry[0], entry[1].step)))


def _reader(store: Objects, key: str) -> Callable[[], bytes]:
    return lambda: store.get(key).data
