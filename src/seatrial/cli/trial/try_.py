"""`seatrial try`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.options import (
    Budget,
    Classes,
    Clip,
    Groups,
    Inputs,
    Json,
    Label,
    LargestWeight,
    Positive,
    Quantile,
    Task,
    Threshold,
    Weight,
)
from seatrial.cli.output import print_json, print_lines
from seatrial.cli.rows_progress import rows_progress

NOT_PASSED = 3


def command(
    model: Annotated[
        str | None, Parameter(help="The model: a file (ONNX, XGBoost JSON or UBJ, LightGBM text) or an endpoint.")
    ] = None,
    data: Annotated[
        str | None, Parameter(help="The test table: CSV, JSON lines, Parquet, a folder, s3://…, Iceberg metadata.")
    ] = None,
    /,
    *,
    label: Label = None,
    groups: Groups = (),
    task: Task = None,
    positive: Positive = None,
    classes: Classes = (),
    inputs: Inputs = (),
    threshold: Threshold = None,
    weight: Weight = None,
    train: Annotated[str | None, Parameter(help="The training table: are rows of it in the test table?")] = None,
    against: Annotated[str | None, Parameter(help="The model that runs now: is this one no worse?")] = None,
    margin: Annotated[
        float | None, Parameter(help="By how much it may be worse than --against (accuracy: 0.01; errors: 0).")
    ] = None,
    policy: Annotated[str, Parameter(help="default (better than the baseline), or a .toml file with a [policy].")] = (
        "default"
    ),
    clip: Clip = None,
    quantile: Quantile = None,
    largest_weight: LargestWeight = None,
    token: Annotated[
        str | None, Parameter(help="Where an endpoint's token is: env:NAME. Never the token itself.")
    ] = None,
    ca: Annotated[
        str | None,
        Parameter(help="The authority of an https:// endpoint's certificate: file:ca.pem, beside the system's."),
    ] = None,
    seed: Annotated[int, Parameter(help="Of whatever the methods draw.")] = 7,
    budget: Budget = None,
    report: Annotated[Path, Parameter(help="Where the report goes, one HTML file.")] = Path("report.html"),
    example: Annotated[
        bool, Parameter(negative="", show_default=False, help="Try a small census model that ships with Seatrial.")
    ] = False,
    json: Json = False,
) -> int:
    """An honest verdict on a finished model: what it does on a table, with bounds.

    Nothing is released. Each look at the same test data is counted, on this
    machine, and makes the bounds wider. Exit status: 0 passed; 2 the command or
    a file is wrong; 3 the verdict is fail or inconclusive.

    For example:

        seatrial try --example
        seatrial try model.onnx test.parquet --label y --groups sex,age_band
        seatrial try model.onnx test.csv --label y --against other.onnx
        seatrial try http://127.0.0.1:8080/v2/models/census test.parquet --label y
    """
    from seatrial.tryout.command import TryArguments, check_report, run

    check_report(report)
    arguments = TryArguments(
        model=model,
        data=data,
        label=label,
        groups=groups,
        task=task,
        positive=positive,
        classes=classes,
        inputs=inputs,
        threshold=threshold,
        weight=weight,
        train=train,
        against=against,
        margin=margin,
        policy=policy,
        clip=clip,
        quantile=quantile,
        largest_weight=largest_weight,
        token=token,
        ca=ca,
        seed=seed,
        budget=budget,
        example=example,
    )
    with rows_progress(live=sys.stderr.isatty() and not json, quiet=json) as on_progress:
        result = run(arguments, on_progress=on_progress)
    written = result.assessment.save(report)
    if json:
        print_json(result.as_document(report=written))
    else:
        if sys.stdout.isatty():
            from rich.console import Console

            from seatrial.report.terminal.assessment import assessment_text

            Console().print(assessment_text(result.assessment.view(), result.assessment.tried()))
        else:
            print(result.assessment)  # noqa: T201  # its lines are printable
        print_lines(*result.closing_lines(report=written))
    return NOT_PASSED if result.failed else 0
