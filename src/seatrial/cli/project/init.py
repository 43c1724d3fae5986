"""`seatrial init`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from seatrial.cli.options import (
    Classes,
    Clip,
    Groups,
    Inputs,
    Label,
    LargestWeight,
    Positive,
    Quantile,
    Task,
    Threshold,
    Weight,
)
from seatrial.cli.output import print_lines

if TYPE_CHECKING:
    from seatrial.trial.question import Question

ExampleName = Literal["census", "digits", "mnist"]
Example = Annotated[ExampleName | None, Parameter(help="The example to start from.")]
FrameworkName = Literal["sklearn", "xgboost", "lightgbm", "torch"]


def command(
    folder: Path,
    /,
    *,
    data: Annotated[
        str | None, Parameter(help="The table to learn from: CSV, JSON lines or Parquet; made up without it.")
    ] = None,
    framework: Annotated[
        FrameworkName | None, Parameter(help="What the training step trains with; sklearn without it.")
    ] = None,
    spark: Annotated[bool, Parameter(negative="", help="Prepare the data in Spark (needs Java).")] = False,
    example: Example = None,
    from_: Annotated[
        Path | None, Parameter(name="--from", help="A finished model: ONNX, XGBoost JSON or UBJ, LightGBM text.")
    ] = None,
    test: Annotated[str | None, Parameter(help="Its test data: CSV, JSON lines, Parquet, a folder, s3://…")] = None,
    validation: Annotated[
        str | None, Parameter(help="Rows that are not test data: measured now, and in rehearsals, without a count.")
    ] = None,
    train: Annotated[
        str | None, Parameter(help="The training data: fits baselines, and is looked for in --test.")
    ] = None,
    label: Label = None,
    groups: Groups = (),
    task: Task = None,
    positive: Positive = None,
    classes: Classes = (),
    inputs: Inputs = (),
    threshold: Threshold = None,
    weight: Weight = None,
    clip: Clip = None,
    quantile: Quantile = None,
    largest_weight: LargestWeight = None,
) -> int:
    """Start a project in a new folder: around a table, a finished model, or an example.

    With --data, or with nothing, it is a project that prepares a table, trains and is judged, commented, and yours to
    change. Examples: census, who earns more than 50,000 dollars, and fairness; digits, and what is left of them under
    attack.
    With --from, the model is measured once: on --validation, else as use 1 of the test data. What was measured stands
    beside the suggested requirements in seatrial.toml.

    For example:

        seatrial init churn --data customers.csv --label churned
        seatrial init people --example census
        seatrial init people --from model.onnx --test test.parquet --label income --groups sex,age:18,25,45,65
    """
    from seatrial.errors import InputError

    if sum(source is not None for source in (from_, example, data)) > 1:
        raise InputError("--from, --data and --example exclude each other.", hint="Name one of them.")
    if (framework is not None or spark) and (from_ is not None or example is not None):
        raise InputError(
            "--framework and --spark apply to a project that trains on a table.", hint="Leave out --from and --example."
        )
    of_a_model = {
        "--test": test,
        "--validation": validation,
        "--train": train,
        "--classes": classes or None,
        "--inputs": inputs or None,
        "--threshold": threshold,
        "--weight": weight,
        "--clip": clip,
        "--quantile": quantile,
        "--largest-weight": largest_weight,
    }
    of_a_table = {"--label": label, "--groups": groups or None, "--task": task, "--positive": positive}
    for options, needs in ((of_a_model, from_), (of_a_table, from_ or data)):
        if needs is None and (option := next((name for name, value in options.items() if value is not None), None)):
            others = "--from MODEL" if options is of_a_model else "--data FILE or --from MODEL"
            raise InputError(f"{option} needs {others}.", hint=f"Name that too, or leave {option} out.")
    if example is not None:
        return _example(folder, example)
    if from_ is None and data is None:
        return _starter(folder, None, None, framework=framework, spark=spark)
    if data is not None and label is None:
        raise InputError("--label is missing.", hint="Write --data FILE --label COLUMN.")
    if data is None and (test is None or label is None):
        missing = [name for name, value in (("--test", test), ("--label", label)) if value is None]
        what = "is missing." if len(missing) == 1 else "are missing."
        raise InputError(f"{' and '.join(missing)} {what}", hint="Write --from MODEL --test DATA --label COLUMN.")
    from seatrial.trial.question import Question
    from seatrial.tryout.command import split_groups, split_names

    question = Question(
        label=label or "",
        task=task,
        positive=positive,
        classes=split_names(classes),
        groups=split_groups(groups),
        inputs=split_names(inputs),
        threshold=threshold,
        weight=weight,
        clip=clip,
        quantile=quantile,
        largest_weight=largest_weight,
    )
    if from_ is None or test is None:
        return _starter(folder, data, question, framework=framework, spark=spark)
    from seatrial.cli.run_progress import progress
    from seatrial.pipeline.new_project.init_from_model import init_from_model

    with progress(live=sys.stderr.isatty()) as shown:
        begun = init_from_model(
            folder, model=from_, test=test, validation=validation, train=train, question=question, progress=shown
        )
    _end(folder, begun.notes, "seatrial run")
    return 0


def _example(folder: Path, example: ExampleName) -> int:
    from seatrial.pipeline.new_project.examples import copy_example

    copy_example(example, folder)
    print_lines(*sorted(folder.iterdir()))
    fetch = "python fetch.py && " if (folder / "fetch.py").exists() else ""
    print_lines(f"Next: cd {quote(str(folder))} && {fetch}seatrial run")
    return 0


def _starter(folder: Path, data: str | None, question: Question | None, *, framework: str | None, spark: bool) -> int:
    from seatrial.errors import spelled
    from seatrial.pipeline.new_project.starter import init_starter
    from seatrial.trial.spelling import command_line

    with spelled(command_line):
        begun = init_starter(folder, data=data, question=question, framework=framework or "sklearn", spark=spark)
    _end(folder, begun.notes, f"seatrial put {quote(begun.raw)} raw/ && seatrial run --rehearse")
    return 0


def _end(folder: Path, notes: Sequence[str], following: str) -> None:
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    print_lines(*(f"{folder / name}" for name in names), *notes)
    go = "" if folder.resolve() == Path.cwd() else f"cd {quote(str(folder))} && "
    print_lines(f"Next: {go}{following}")
