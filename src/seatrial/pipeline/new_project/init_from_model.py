"""`seatrial init --from MODEL --test DATA`: a project written from what a model and a table are, measured once."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from seatrial.errors import InputError, Problems, SeatrialError, spell
from seatrial.pipeline.jobs.step_values import ArtifactOutput
from seatrial.pipeline.new_project.new_folder import draft_folder, folder_mistake
from seatrial.pipeline.new_project.project_template import ProjectTemplate, project_file, readme
from seatrial.pipeline.project.locations import is_remote, local_path
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.project.settings import FILE_NAME
from seatrial.pipeline.project.validate_project import LEGAL_NAME
from seatrial.pipeline.running.run_pipeline import Progress, run_pipeline
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import open_project
from seatrial.rows import Rows, open_rows
from seatrial.stores.artifacts import read_artifact
from seatrial.stores.documents import from_json
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.trial.label_column import clip_from_labels, has_label, read_labels
from seatrial.trial.model import Model
from seatrial.trial.question import Question
from seatrial.trial.spelling import command_line
from seatrial.trial.test_uses.ledger import TestData, carry_looks
from seatrial.trial.test_uses.row_sketch import RowSketch
from seatrial.trial.validate import check_question, groups_of
from seatrial.tryout.opened_model import open_model, with_its_texts
from seatrial.tryout.uses import shared_url, state_folder
from seatrial.verdicts.digest import DigestOfTestData
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.uses import USES

README = "README.md"


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project that was begun: its folder, and what its maker should know, a line each."""

    folder: Path
    notes: tuple[str, ...]


def init_from_model(
    folder: Path,
    *,
    model: Path,
    test: str,
    validation: str | None,
    train: str | None,
    question: Question,
    progress: Progress,
) -> NewProject:
    """Writes the project into a folder that is new or empty; with any mistake nothing is written, and all are told.

    The model is tried once: on validation where it is given, else in use 1 of the test data, which the first `run`
    under the same policy is too.
    """
    _check_places(folder, model, {"--test": test, "--validation": validation, "--train": train})
    rows = open_rows(test)
    groups = [spec.name for spec in groups_of(question, rows)]
    labels = read_labels(rows, question.label)
    check_question(question, labels, origin=rows.origin)
    opened, rows = with_its_texts(lambda read: open_model(model, read, question=question, labels=labels), rows)
    if opened.signature.task == "regression" and question.clip is None:
        question = replace(question, clip=clip_from_labels(rows, question.label))
    template = ProjectTemplate(
        name=project_name(folder),
        model=model.name,
        test=_reference(test, folder),
        validation=None if validation is None else _reference(validation, folder),
        train=None if train is None else _reference(train, folder),
        question=question,
        signature=opened.signature,
        origin=str(model.resolve()),
        test_uses=shared_url(os.environ),
    )
    with draft_folder(folder) as draft:
        try:
            shutil.copyfile(model, draft / model.name)
            (draft / FILE_NAME).write_text(project_file(template, groups, None), encoding="utf-8")
            _carry_uses(rows, opened, question.label, draft)
            trial = _measure(draft, progress)
            (draft / FILE_NAME).write_text(project_file(template, groups, trial), encoding="utf-8")
            (draft / README).write_text(readme(template), encoding="utf-8")
        except SeatrialError as error:
            inside = [
                problem
                for problem in error.each
                if problem.path is not None and problem.path.startswith(f"{draft}{os.sep}")
            ]
            if not inside:
                raise
            raise Problems([_about_new_file(problem, draft, folder) for problem in inside]) from None
    notes = _notes(template, trial, opened.notes, name_note(template.name, folder))
    return NewProject(folder, tuple(spell(note, command_line) for note in notes))


def _about_new_file(error: SeatrialError, draft: Path, folder: Path) -> InputError:
    """The error with the path that the file would have had: the draft is gone when somebody reads it."""
    path = folder / Path(error.path or draft).relative_to(draft)
    return InputError(error.problem, path=str(path), line=error.line, hint=error.hint)


def _check_places(folder: Path, model: Path, tables: Mapping[str, str | None]) -> None:
    problems: list[SeatrialError] = []
    if (mistake := folder_mistake(folder)) is not None:
        problems.append(mistake)
    if not model.is_file():
        what = (
            "the path is a folder, where a model's file was expected." if model.is_dir() else "the file does not exist."
        )
        problems.append(InputError(what, path=str(model), hint="Name the model's file with --from."))
    option_of: dict[str, str] = {}
    for option, place in tables.items():
        if place is None:
            continue
        if not is_remote(place) and "*" not in place and not local_path(place, Path()).exists():
            hint = f"Name the file or folder with {option}."
            problems.append(InputError("the file or folder does not exist.", path=place, hint=hint))
        where = place if is_remote(place) else str(local_path(place, Path()).resolve())
        if (earlier := option_of.setdefault(where, option)) == "--test" and option != earlier:
            hint = "Give other rows, or none."
            problems.append(InputError(f"{option} is the test data, which is only measured.", path=place, hint=hint))
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise Problems(problems)


def project_name(folder: Path) -> str:
    """A legal name for the project in `folder`, as close to the folder's own as can be."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:40].rstrip("-")
    return name if LEGAL_NAME.fullmatch(name) else "model"


def name_note(name: str, folder: Path) -> str | None:
    """That the project is not named as its folder is, and why; None where it is."""
    if name == folder.resolve().name:
        return None
    return (
        f'The project is named "{name}": a name must be 2 to 40 of a-z, 0-9 and -, beginning with a letter, and the '
        f"folder is called {folder.resolve().name!r}. To choose another, change it in {FILE_NAME} before the first run."
    )


def _reference(place: str, folder: Path) -> str:
    """How the project's file names data that stays where it is: relative where it lies beside or below the project."""
    if is_remote(place):
        return place
    path = local_path(place, Path()).absolute()
    parent = folder.resolve().parent
    return os.path.relpath(path, folder.resolve()) if path.is_relative_to(parent) else str(path)


def _measure(directory: Path, progress: Progress) -> Trial:
    """One trial, kept in the project's store: on validation where there is some, else a counted use of test data."""
    project = load_project(directory)
    rehearse = project.data is not None and project.data.validation is not None
    pipeline = load_pipeline(project, sets=(), rehearse=rehearse)
    graph = {name: step for name, step in pipeline.graph.items() if name != "release"}
    with open_project(project, "local") as workspace:
        finished = run_pipeline(graph, pipeline.parameters, workspace, progress, rehearse=rehearse, use_cache=True)
        if finished.error is not None:
            raise finished.error
        tried = finished.outputs["assess"]
        if not isinstance(tried, ArtifactOutput):
            raise AssertionError("a trial is an artifact")
        return from_json(Trial, read_artifact(workspace.objects, tried.digest)["evidence.json"], path="evidence.json")


def _notes(template: ProjectTemplate, trial: Trial, inferred: tuple[str, ...], about_name: str | None) -> Iterator[str]:
    if about_name is not None:
        yield about_name
    yield f"{template.model} is a copy of {template.origin}; {template.test} is read where it lies."
    yield from inferred
    if trial.test_use is None:
        yield "Measured on validation: nothing was counted."
    else:
        yield f"Measured in use {trial.test_use.use} of the test data; `seatrial run` with this policy is the same use."


def _carry_uses(rows: Rows, model: Model, label: str, directory: Path) -> None:
    """Looks at this test data by `seatrial try` on this machine count in the project too, from its first use on."""
    state = state_folder(os.environ, Path.home())
    if not (state / USES).is_dir():
        return
    own_uses = open_objects(StoreSettings(state.as_uri()))
    inputs = [column.name for column in model.signature.inputs]
    digest = DigestOfTestData(label=label, inputs=inputs)
    sketch = RowSketch(rows.schema, label=label, inputs=inputs)
    for table in rows.tables(list(dict.fromkeys([label, *inputs, *sketch.columns]))):
        sketch.see(table)
        digest.add(table.filter(pa.array(has_label(table.column(label)))))
    data = TestData(digest.hexdigest(), rows.rows or 0, sketch.sketch())
    with open_project(load_project(directory), "local") as workspace:
        carry_looks(own_uses, workspace.objects, data)
