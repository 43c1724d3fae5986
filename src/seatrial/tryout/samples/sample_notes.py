"""What to know about samples before their numbers are believed: doubts that let nothing pass, notes, assumptions."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pyarrow.compute as pc

from seatrial.serve.sampling.sampled_row import REQUEST_ID, TIME
from seatrial.trial.data_checks.label_checks import share
from seatrial.trial.data_checks.note import Note
from seatrial.tryout.samples.join_labels import JoinedRows
from seatrial.tryout.samples.sample_files import SampledRows, skipped_words
from seatrial.verdicts.evidence import Flag


def sample_flags(samples: SampledRows, differing: int | None, title: str) -> Iterator[Flag]:
    """Doubts about every number that rests on answers; `differing` of them are not those that `title` gives."""
    compared, rows = samples.complete.num_rows, samples.table.num_rows
    if differing:
        detail = f"{differing:,} of {compared:,} rows were answered otherwise than {title} answers them"
        yield Flag("answers-of-another", detail)
    if samples.uneven:
        lacking = f"{rows - compared:,} of {rows:,} rows are from files without"
        yield Flag(
            "uneven-inputs", f"{lacking} {', '.join(samples.dropped)}, and others have {', '.join(samples.uneven)}"
        )
    if len(samples.shares) > 1:
        yield Flag("uneven-shares", f"rows were drawn with different shares ({_drawn(samples)})")
    if samples.unread:
        files = _some(samples.unread, "Parquet file")
        yield Flag("unread-samples", f"{files} of the release's folder left out, whose rows may be missing")


def sample_notes(
    samples: SampledRows, joined: JoinedRows, differing: int | None, title: str, lost: Collection[str]
) -> Iterator[Note]:
    """What the reader should know about the samples; `lost` are columns that neither they nor the labels have."""
    compared, rows = samples.complete.num_rows, samples.table.num_rows
    if differing is None:
        yield Note(
            "answers",
            None,
            f"answers could not be compared with {title}: no file keeps every input. That it gave them is taken from "
            "whoever can write there.",
            "Keep every input to have them compared: serve without --sample-without.",
        )
    elif compared < rows:
        yield Note(
            "answers",
            None,
            f"the answers of {rows - compared:,} of {rows:,} rows could not be compared with {title}: their files lack "
            f"{', '.join(samples.uneven)}.",
            "Name days on which all files keep the same inputs.",
        )
    if differing:
        yield Note(
            "answers",
            None,
            f"{differing:,} of {compared:,} rows ({share(differing, compared)}) were answered otherwise than {title} "
            "answers them: measured is what was answered, and it decides nothing.",
            "Find out who else writes there, or what else answered in its name.",
        )
    if joined.contested_rows:
        yield Note(
            "contested",
            None,
            f"{_some(joined.contested_rows, 'row')} of one request_id and row with another that differs: whose a label "
            "is cannot be told, and they have none here.",
            "Let clients send an X-Request-Id of its own with each request, or none.",
        )
    if joined.contested_labels:
        yield Note(
            "contested",
            None,
            f"{_some(joined.contested_labels, 'row')} with labels that differ: they count as without.",
        )
    if len(samples.shares) > 1:
        yield Note(
            "shares",
            None,
            f"rows were drawn with different shares ({_drawn(samples)}): times of a larger share count for more, "
            "and nothing is decided.",
            "Name days of one share.",
        )
    if lost:
        yield Note(
            "groups",
            None,
            f"neither samples nor labels have {', '.join(sorted(lost))}: what is about these columns is not measured.",
            "Give them as columns of the labels.",
        )
    if samples.skipped:
        yield Note(
            "skipped",
            None,
            f"{_some(len(samples.skipped), 'file')} left out, which no server of this release wrote: "
            f"{skipped_words(samples.skipped)}.",
            "Move what is not a sample elsewhere; restore what was one." if samples.unread else None,
        )


def sample_assumptions(samples: SampledRows, joined: JoinedRows) -> Iterator[str]:
    """What the numbers rest on."""
    first, last = pc.min(joined.table[TIME]).as_py(), pc.max(joined.table[TIME]).as_py()
    drawn = "a share that the files do not say" if samples.shares == (None,) else ""
    if len(samples.shares) == 1 and samples.shares[0] is not None:
        drawn = f"{samples.shares[0]:.4g} of all rows"
    yield (
        f"samples: {_some(joined.table.num_rows, 'row')} in {_some(samples.files, 'file')}, {first:%Y-%m-%d %H:%M} to "
        f"{last:%Y-%m-%d %H:%M} UTC" + (f", {drawn}" if drawn else "")
    )
    yield (
        "drawn at random, but for rows that the server dropped beyond its limits: seatrial_sampled_rows_total says how "
        "many"
    )
    requests = pc.count_distinct(joined.table[REQUEST_ID]).as_py()
    if requests < joined.table.num_rows:
        rows = _some(joined.table.num_rows, "row")
        yield f"rows of one request count as independent: {rows} of {_some(requests, 'request')}"
    if samples.dropped:
        yield f"not kept: {', '.join(samples.dropped)}"
    if samples.other_files or samples.other_rows:
        yield (
            f"of other releases, and left out: {_some(samples.other_files, 'file')} unread, "
            f"{_some(samples.other_rows, 'row')} in files of this one"
        )
    if joined.repeated_rows or joined.repeated_labels:
        yield (
            f"counted once: {_some(joined.repeated_rows, 'row')} and {_some(joined.repeated_labels, 'label')} that "
            "repeat another word for word"
        )
    if joined.unknown_labels or joined.unusable_labels:
        yield (
            f"labels left out: {joined.unknown_labels:,} of rows that were not sampled, {joined.unusable_labels:,} "
            "without an id, a row or a label"
        )


def _some(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _drawn(samples: SampledRows) -> str:
    return ", ".join("unknown" if share is None else f"{share:g}" for share in samples.shares)
