"""`seatrial predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Profile, Trust
from seatrial.cli.output import print_lines


def command(
    release: Annotated[str, Parameter(help="name@version, name, or the path of an exported folder.")],
    file: Annotated[str, Parameter(help="The rows: CSV, JSON lines or Parquet; a file, a folder or s3://….")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(help="Where the answers go: .csv, .jsonl or .parquet; without it, CSV to stdout.")
    ] = None,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
) -> int:
    """Answer for the rows of a CSV, JSON lines or Parquet file.

    Each row keeps its columns; `predicted` and `probability=CLASS` follow. A release that does not verify is refused
    (1). One that neither passed nor is waived answers, and says so: it is for looking at.

    For example:

        seatrial predict census rows.csv
        seatrial predict census@2 rows.parquet --output answers.parquet
    """
    from seatrial.models.runtime import load_predictor
    from seatrial.pipeline.open_release import verified_release
    from seatrial.rows import open_rows
    from seatrial.rows.answered_rows import answer_rows, row_types

    verified = verified_release(release, directory=directory, profile=profile, trust=trust, passed=True).require()
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
    call = Call(profile=profile, directory=directory, trust=trust)
    verb = "serve" if verified.deployable else "report"
    print_lines(f"Next: {call.then(verb, verified.label)}", file=sys.stderr)
    return 0
