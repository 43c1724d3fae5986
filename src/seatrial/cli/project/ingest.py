"""`seatrial ingest`."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from seatrial.sources.kafka.ingest import Ingested, IngestProgress


def command(
    topic: Annotated[str, Parameter(help="The topic, of the brokers in [profile.X.kafka].")],
    /,
    *,
    into: Annotated[str, Parameter(help="The table of the catalog that takes the records.")],
    until_caught_up: Annotated[
        bool, Parameter(negative="", show_default=False, help="End with the last record that is there now.")
    ] = False,
    every: Annotated[
        float, Parameter(help="Seconds from one commit to the next, at least.", validator=Number(gte=0))
    ] = 10.0,
    batch_records: Annotated[
        int, Parameter(help="Records in one commit, at most.", validator=Number(gte=1))
    ] = 1_000_000,
    accept_loss: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Go on behind records that the topic lost before they were ingested."
        ),
    ] = False,
    as_json: Json = False,
    profile: Profile = "local",
    directory: Directory = Path(),
) -> int:
    """Read a topic of Kafka into a table, each record exactly once.

    Records are JSON objects. Their columns stand in [ingest.TOPIC] of
    seatrial.toml; without that they are those of the table, which then has to
    exist. What cannot be a row goes to TABLE_dead_letters, with the reason and
    its bytes. Each commit has rows and offsets together, so that a run that was
    killed is simply started again.

    It runs until SIGTERM or Ctrl-C, and then finishes the batch in hand; with
    --until-caught-up it ends by itself.

    For example:

        seatrial ingest orders --into orders --until-caught-up
        seatrial ingest orders --into sales.orders --profile cluster --every 60
    """
    from seatrial.pipeline.ingest_topic import IngestOptions, ingest_topic

    options = IngestOptions(until_caught_up, every, batch_records, accept_loss)
    with _stop_signals() as (stop, received):
        done = ingest_topic(
            topic, into, options, directory=directory, profile=profile, stop=stop, on_progress=_print_progress
        )
    ended = received[0] if received else "caught up"
    if as_json:
        print_json(_as_document(done, ended))
    else:
        _print_result(done, ended)
    return 0


@contextmanager
def _stop_signals() -> Iterator[tuple[threading.Event, list[str]]]:
    """An event that SIGTERM and Ctrl-C set, and which it was; the second one ends the process at once."""
    stop, received = threading.Event(), list[str]()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(signal.Signals(number).name)
        stop.set()
        for each, handler in handlers.items():
            signal.signal(each, handler)

    for number in handlers:
        signal.signal(number, end)
    try:
        yield stop, received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _print_progress(progress: IngestProgress) -> None:
    dead = f", {progress.dead_letters:,} dead letters" if progress.dead_letters else ""
    lag = "unknown" if progress.lag is None else f"{progress.lag:,} offsets"
    print_lines(
        f"{progress.committed:%H:%M:%S} committed: {progress.rows:,} rows{dead}; "
        f"{progress.rows_per_s:,.0f} rows/s; lag {lag}",
        file=sys.stderr,
    )


def _print_result(done: Ingested, ended: str) -> None:
    where = f"{done.job.table} at snapshot {done.snapshot}" if done.snapshot else f"{done.job.table} is as it was"
    print_lines(
        f"{done.rows:,} rows in {done.commits:,} commit{'' if done.commits == 1 else 's'}: {where}; ended: {ended}"
    )
    print_lines(f"offsets of {done.job.topic}: {_offsets(done)}")
    if done.dead_letters:
        print_lines(f"{done.dead_letters:,} records could not be rows: see {done.dead_letter_table}.")


def _offsets(done: Ingested) -> str:
    return ", ".join(
        f"{partition}: {done.mark.begin[partition]}–{to}" for partition, to in sorted(done.mark.to.items())
    )


def _as_document(done: Ingested, ended: str) -> dict[str, object]:
    return {
        "topic": done.job.topic,
        "topic_id": done.mark.topic_id,
        "table": done.job.table,
        "snapshot": done.snapshot,
        "rows": done.rows,
        "dead_letters": done.dead_letters,
        "dead_letter_table": done.dead_letter_table,
        "commits": done.commits,
        "offsets": {
            str(partition): {"from": done.mark.begin[partition], "to": to}
            for partition, to in sorted(done.mark.to.items())
        },
        "lag": done.lag,
        "ended": ended,
    }
