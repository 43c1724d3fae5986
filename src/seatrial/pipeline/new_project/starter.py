"""`seatrial init DIR`: a project that trains a model, around somebody's table or one that is made up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError
from seatrial.pipeline.new_project.examples import example_folder
from seatrial.pipeline.new_project.inferred_schema import InferredSchema, infer_schema
from seatrial.pipeline.new_project.init_from_model import name_note, project_name
from seatrial.pipeline.new_project.made_up_rows import LABEL as MADE_UP_LABEL
from seatrial.pipeline.new_project.made_up_rows import write_made_up_rows
from seatrial.pipeline.new_project.new_folder import draft_folder, folder_mistake
from seatrial.pipeline.new_project.starter_text import columns_module, project_file, readme
from seatrial.pipeline.project.locations import is_remote
from seatrial.pipeline.project.settings import FILE_NAME
from seatrial.trial.question import Question

MADE_UP = "made_up.csv"


@dataclass(frozen=True, slots=True)
class Framework:
    """What the training step of a framework is: its extras and libraries, and what it calls its rounds of training."""

    name: str
    extras: str
    libraries: tuple[str, ...]  # whose versions are part of the step's key
    rounds: tuple[str, int]  # the parameter and its default


FRAMEWORKS = {
    framework.name: framework
    for framework in (
        Framework("sklearn", "sklearn", ("scikit-learn",), ("rounds", 100)),
        Framework("xgboost", "sklearn,xgboost", ("scikit-learn", "xgboost"), ("rounds", 100)),
        Framework("lightgbm", "sklearn,lightgbm", ("scikit-learn", "lightgbm"), ("rounds", 100)),
        Framework("torch", "torch", ("torch",), ("epochs", 40)),
    )
}
_TEMPLATE = FRAMEWORKS["sklearn"]  # what stands in the files that are copied


@dataclass(frozen=True, slots=True)
class Starter:
    """A project that was begun: the file to be put into its store, and what its maker should know, a line each."""

    raw: str
    notes: tuple[str, ...]


def init_starter(folder: Path, *, data: str | None, question: Question | None, framework: str, spark: bool) -> Starter:
    """Writes the project into a folder that is new or empty; with a mistake nothing is written.

    Without `data` the table is made up, and lies in the folder. `question` names the label of `data`.
    """
    if (mistake := folder_mistake(folder)) is not None:
        raise mistake
    chosen = FRAMEWORKS[framework]
    name = project_name(folder)
    with draft_folder(folder) as draft:
        if data is None or question is None:
            write_made_up_rows(draft / MADE_UP)
            raw, schema = MADE_UP, infer_schema(str(draft / MADE_UP), Question(label=MADE_UP_LABEL))
        else:
            raw, schema = _seen_from(data, folder.resolve()), infer_schema(data, question)
        for file, text in _files(schema, chosen, raw=raw, name=name, spark=spark):
            (draft / file).write_text(text, encoding="utf-8")
    about_name = name_note(name, folder)
    return Starter(raw, (*schema.notes, *(() if about_name is None else (about_name,))))


def _seen_from(data: str, folder: Path) -> str:
    """How the file is named from within the project's folder."""
    if is_remote(data):
        raise InputError(
            "the table must be a file or folder of this machine.",
            path=data,
            hint="Download a part of it to begin with.",
        )
    return os.path.relpath(Path(data).absolute(), folder)


def _files(schema: InferredSchema, chosen: Framework, *, raw: str, name: str, spark: bool) -> Iterator[tuple[str, str]]:
    folder = example_folder("starter")
    kind = "_spark" if spark else ""
    yield "pipeline.py", _for_framework((folder / f"pipeline{kind}.py").read_text(encoding="utf-8"), chosen)
    yield "preparing.py", (folder / f"preparing{kind}.py").read_text(encoding="utf-8")
    yield "training.py", (folder / f"training_{chosen.name}.py").read_text(encoding="utf-8")
    yield "columns.py", columns_module(schema)
    yield FILE_NAME, project_file(schema, name=name, step_parameter=chosen.rounds)
    yield "README.md", readme(schema, name=name, raw=raw, extras=f"spark,{chosen.extras}", spark=spark)


def _for_framework(text: str, chosen: Framework) -> str:
    was, now = _TEMPLATE.rounds, chosen.rounds
    text = text.replace(_declared(_TEMPLATE.libraries), _declared(chosen.libraries))
    text = text.replace(f"{was[0]}: int = {was[1]}", f"{now[0]}: int = {now[1]}")
    text = text.replace(f"{was[0]}={was[0]}", f"{now[0]}={now[0]}")
    return text.replace(f"model.{was[0]}={2 * was[1]}", f"model.{now[0]}={2 * now[1]}")


def _declared(libraries: tuple[str, ...]) -> str:
    """The argument of `@step`, as ruff writes it."""
    return f"libraries={libraries}".replace("'", '"')
