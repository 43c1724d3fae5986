"""`seatrial predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Profile, Trust
from seatrial.cli.output import print_lines
from seatrial.errors import InputError


def command(
    release: Annotated[str, Parameter(help="name@version, name, or the path of an exported folder.")],
    file: Annotated[
        str, Parameter(help="The rows: CSV, JSON lines or Parquet; a file, a folder or s3://…. With --into a table.")
    ],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(help="Where the answers go: .csv, .jsonl or .parquet; without it, CSV to stdout.")
    ] = None,
    into: Annotated[
        str | None, Parameter(help="The table of the catalog to fill with the rows of another one and their answers.")
    ] = None,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
) -> int:
    """Answer for the rows of a CSV, JSON lines or Parquet file, or of a table.

    Each row keeps its columns; `predicted` and `probability=CLASS` follow. A release that does not verify is refused
    (1). One that neither passed nor is waived answers, and says so: it is for looking at.

    With --into Spark answers for a table of the catalog, part by part, and shows all rows at once in another table; a
    job that was killed goes on where it was. Only a release that passed, or is waived, is used for that.

    For example:

        seatrial predict census rows.csv
        seatrial predict census@2 rows.parquet --output answers.parquet
        seatrial predict census people --into people_scored
    """
    call = Call(profile=profile, directory=directory, trust=trust)
    if into is None:
        return _answer_file(release, file, output, call)
    if output is not None:
        raise InputError("--output and --into exclude each other.", path="predict", hint="Leave one of them out.")
    return _fill_table(release, file, into, call)


def _answer_file(release: str, file: str, output: Path | None, call: Call) -> int:
    from seatrial.models.runtime import load_predictor
    from seatrial.pipeline.open_release import verified_release
    from seatrial.rows import open_rows
    from seatrial.rows.answered_rows import answer_rows, row_types

    verified = verified_release(
        release, directory=call.directory, profile=call.profile, trust=call.trust, passed=True
    ).require()
    predictor = load_predictor(verified.package)
    # Columns that the model does not take are only passed on: as the text they are, where the file has no types.
    input_rows = open_rows(file, types=row_types(predictor.signature), others="text")
    rows = answer_rows(
        predictor,
        input_rows.tables(),
        schema=input_rows.schema,
        source=input_rows.origin,
        target=output,
        on_unanswered=lambda unanswered: print_lines(
            f"{unanswered}. Fill what is missing as it was filled in training.", file=sys.stderr
        ),
    )
    if not verified.deployable:
        print_lines(
            f"{verified.label}: the release's verdict is {verified.outcome}; do not act on these answers.",
            file=sys.stderr,
        )
    # Beside the rows and never among them.
    print_lines(f"{rows} rows answered{'' if output is None else f': {output}'}", file=sys.stderr)
    verb = "serve" if verified.deployable else "report"
    print_lines(f"Next: {call.then(verb, verified.label)}", file=sys.stderr)
    return 0


def _fill_table(release: str, source: str, target: str, call: Call) -> int:
    from seatrial.pipeline.open_release import verified_release
    from seatrial.pipeline.score_table import score_table_of_project
    from seatrial.prepare.score_table import ScoringRelease

    verified = verified_release(
        release, directory=call.directory, profile=call.profile, trust=call.trust, passed=True
    ).require_deployable()
    if verified.waived:
        until = min(accepted.waiver.expires for accepted in verified.waivers)
        print_lines(
            f"{verified.label}: the release's verdict is {verified.outcome}; it answers by waiver until {until}.",
            file=sys.stderr,
        )
    if verified.digest is None:
        raise AssertionError("what is deployable has a release.json")
    scored = score_table_of_project(
        ScoringRelease(verified.label, verified.digest, verified.package),
        source,
        target,
        directory=call.directory,
        profile=call.profile,
        on_part=lambda done, parts: print_lines(f"part {done} of {parts}", file=sys.stderr),
    )
    if scored.unanswered:
        print_lines(
            f"The model gives NaN for {scored.unanswered:,} of {scored.rows:,} rows: their answer is null. "
            "Fill what is missing as it was filled in training.",
            file=sys.stderr,
        )
    before = f", {scored.parts_before} of {scored.parts} parts were there already" if scored.parts_before else ""
    read = f"read {source} at snapshot {scored.source_snapshot}{before}"
    print_lines(f"{scored.rows:,} rows answered: {target} at snapshot {scored.snapshot}; {read}")
    print_lines(f"Next: {call.then('serve', verified.label)}")
    return 0
