"""What the steps of a run printed: the logs that this machine keeps of the runs that it made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError, did_you_mean

SUFFIX = ".log"


@dataclass(frozen=True, slots=True)
class StepLog:
    """The log of one step of a run; Spark's own is called "spark"."""

    run: str
    step: str
    path: Path

    def lines(self) -> Iterator[str]:
        """Its lines, without their ends; what is not UTF-8 is replaced."""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line.rstrip("\r\n")


def step_logs(state: Path, *, run: str | None, step: str | None) -> tuple[StepLog, ...]:
    """The logs of a run, of one step or of all, in the order in which they ended; None is the newest that ran a step.

    `run` may be cut short as long as it names one run.
    """
    found = {folder.name: _logs_in(folder) for folder in sorted((state / "runs").glob("*")) if folder.is_dir()}
    logged = {name: logs for name, logs in found.items() if logs}
    if run is None:
        if not logged:
            raise InputError(
                "steps have not run on this machine yet.",
                path=str(state / "runs"),
                hint="Steps that are cached print nothing; see how the runs ended: seatrial runs",
            )
        chosen = next(reversed(logged.values()))
    else:
        names = [name for name in found if name.startswith(run)]
        if len(names) != 1:
            problem = "no run of this machine begins so." if not names else f"{len(names)} runs begin so."
            hint = did_you_mean(run, found) or f"The newest: {', '.join(list(found)[-3:]) or 'none'}."
            raise InputError(problem, path=run, hint=hint)
        chosen = found[names[0]]
    if step is None:
        return chosen
    matching = tuple(log for log in chosen if log.step == step)
    if not matching:
        known = [log.step for log in chosen]
        hint = did_you_mean(step, known) or f"There is: {', '.join(known) or 'none; every step was cached'}."
        raise InputError(f"step {step!r} did not write a log in this run.", path=run or "the newest run", hint=hint)
    return matching


def _logs_in(folder: Path) -> tuple[StepLog, ...]:
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return tuple(StepLog(folder.name, path.stem, path) for path in files)
