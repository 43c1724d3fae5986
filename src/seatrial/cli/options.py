"""Options that several commands share, each with one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

Directory = Annotated[Path, Parameter(name=["--directory", "-C"], help="The project's folder.")]
Profile = Annotated[str, Parameter(name=["--profile", "-p"], help="Where it runs: a [profile.X] of seatrial.toml.")]
Json = Annotated[
    bool, Parameter(name="--json", negative="", show_default=False, help="Print one JSON document, and nothing else.")
]
Set = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        help="Override a parameter: --set model.epochs=3. May be repeated.",
        negative="",
        show_default=False,
    ),
]
Rehearse = Annotated[
    bool,
    Parameter(
        name="--rehearse",
        negative="",
        show_default=False,
        help="Judge on validation: nothing is counted, nothing is released.",
    ),
]
NoCache = Annotated[bool, Parameter(name="--no-cache", negative="", show_default=False, help="Run every step again.")]
Parallel = Annotated[
    int, Parameter(name="--parallel", help="How many steps run at once, at most.", validator=Number(gte=1))
]
Budget = Annotated[
    float | None,
    Parameter(help="Seconds for the trial; an attack that does not fit is left out, and the claim says so."),
]
Trust = Annotated[
    Path | None,
    Parameter(name="--trust", help="The deployer's trust.toml; without it, the one under SEATRIAL_HOME."),
]

# What is asked of a finished model.
Columns = Annotated[tuple[str, ...], Parameter(negative="", show_default=False)]
Label = Annotated[str | None, Parameter(help="The column that holds what is true.")]
Groups = Annotated[Columns, Parameter(help="Whom to compare: sex,age:18,25,65,sex*race (values, bins, intersections).")]
Task = Annotated[
    Literal["binary", "multiclass", "regression"] | None,
    Parameter(help="Inferred from the label without it, and printed."),
]
Positive = Annotated[str | None, Parameter(help="The class that rates and scores are about.")]
Classes = Annotated[
    Columns, Parameter(help="The model's classes in the order of its probabilities, where its file names none.")
]
Inputs = Annotated[Columns, Parameter(help="The columns of a model that takes one matrix, in its order: a,b,c.")]
Threshold = Annotated[float | None, Parameter(help="The least probability that is answered positive.")]
Weight = Annotated[str | None, Parameter(help="The column that says how many people a row stands for.")]
Clip = Annotated[float | None, Parameter(help="The largest error of a regression that counts in full.")]
LargestWeight = Annotated[float | None, Parameter(help="The largest --weight that anybody has, in the table or not.")]
Quantile = Annotated[float | None, Parameter(help="The quantile that a regression predicts: 0.9.")]
