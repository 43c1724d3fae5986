"""Opens whatever somebody hands over (paths, addresses, frames, functions), and has it measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.errors import InputError, Surface, field, spell, spelled
from seatrial.models.signature import Task
from seatrial.rows import Rows, open_rows, rows_of
from seatrial.trial.data_checks.note import Note
from seatrial.trial.label_column import Labels, read_labels
from seatrial.trial.measure import TrialInputs, compared_models, measure
from seatrial.trial.model import Model
from seatrial.trial.progress import ProgressCallback, no_progress
from seatrial.trial.question import Question
from seatrial.trial.training_rows import types_like
from seatrial.trial.validate import assumptions, check_numbers, check_question, groups_of
from seatrial.tryout.assessment import Assessment
from seatrial.tryout.fitted_model import is_fitted, open_fitted
from seatrial.tryout.function_model import PLACE, eager, open_function, with_places
from seatrial.tryout.opened_model import is_address, open_model, with_its_texts
from seatrial.tryout.policy_file import DEFAULT, policy_for
from seatrial.tryout.uses import CountedUses
from seatrial.verdicts.judge import judge


def try_model(
    model: Any,
    data: Any,
    question: Question,
    *,
    uses: CountedUses,
    now: datetime,
    surface: Surface,
    policy: str = DEFAULT,
    train: Any = None,
    against: str | Path | None = None,
    columns: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    token: str | None = None,
    ca: str | None = None,
    on_progress: ProgressCallback = no_progress,
    reproduce: tuple[str, ...] = (),
) -> Assessment:
    """Opens everything, measures, and judges. See `assess` for what `model`, `data` and `train` may be.

    `surface` spells the fields of the question, in errors and in what the assessment says.
    """
    with spelled(surface):
        check_numbers(question, compared=against is not None)
        on_progress("opening the data", 0, None)
        rows = _rows(data, columns)
        groups = groups_of(question, rows)
        labels = read_labels(
            rows, question.label, on_progress=lambda done: on_progress("reading the labels", done, rows.rows)
        )
        check_question(question, labels, origin=rows.origin)
        on_progress("opening the model", 0, None)
        opened, rows = _open(
            model,
            data,
            rows,
            question=question,
            labels=labels,
            classes=classes,
            token=token,
            ca=ca,
            on_progress=on_progress,
        )
        groups = groups_of(question, rows)  # a column that the model takes as text is text for its groups too
        rows = replace(rows, rows=labels.rows)
        reference = None
        if against is not None:
            like = opened.signature
            reference, rows = with_its_texts(
                lambda read: open_model(against, read, question=question, labels=labels, like=like, token=token, ca=ca),
                rows,
            )
        chosen = policy_for(
            policy, question, groups, opened.signature.task, None if reference is None else reference.name
        )
        measured = measure(
            question,
            TrialInputs(
                opened,
                rows,
                references=dict.fromkeys(compared_models(chosen), reference),
                train=None if train is None else _training_rows(train, rows),
            ),
            chosen,
            groups=groups,
            uses=uses,
            on_progress=_briefly(on_progress),
        )
    largest_weight = question.largest_weight if chosen.largest_weight is None else chosen.largest_weight
    supposed = replace(question, largest_weight=largest_weight)
    taken_for_granted = (
        *assumptions(supposed, labels, opened.signature, notes=opened.notes),
        *(() if reference is None else (f"{reference.name}: {note}" for note in reference.notes)),
    )
    return Assessment(
        model=opened.name,
        data=rows.origin,
        label=question.label,
        verdict=judge(chosen, measured.trial),
        policy=chosen,
        trial=measured.trial,
        signature=opened.signature,
        provenance=opened.provenance,
        notes=tuple(_spelled_note(note, surface) for note in measured.notes),
        assumptions=tuple(spell(line, surface) for line in taken_for_granted),
        unasked=tuple(
            spell(line, surface)
            for line in _unasked(
                question, opened.signature.task, against=reference is not None, attacked=bool(chosen.threat)
            )
        ),
        groups=tuple(spec.name for spec in groups),
        created=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        reproduce=reproduce,
        counted=uses.counted,
    )


def _unasked(question: Question, task: Task, *, against: bool, attacked: bool) -> Iterator[str]:
    """What was not measured because nobody asked, and what to give for it."""
    if task == "regression" and question.clip is None:
        yield (
            "Bounds on errors, and gaps of them between groups: state the largest error that counts in full, "
            f"{field('clip')}"
        )
    if not question.groups:
        yield f"Differences between groups: name them, {field('groups', 'sex,age')}"
    if not against:
        yield f"Whether it is no worse than the model that runs now: name that, {field('against', 'FILE')}"
    if not attacked:
        yield (
            "Robustness to attacks: say what an attacker can do, [policy.threat.NAME] in "
            f"{field('policy', 'FILE.toml')}"
        )
    yield "Privacy of the training data: it needs that data, and the model's training"


def _briefly(on_progress: ProgressCallback) -> ProgressCallback:
    """Without the name of each assessor: here all of them take a second or two."""

    def briefly(phase: str, done: int, rows: int | None) -> None:
        on_progress("measuring" if phase.startswith("measuring ") else phase, done, rows)

    return briefly


def _spelled_note(note: Note, surface: Surface) -> Note:
    return replace(note, text=spell(note.text, surface), hint=None if note.hint is None else spell(note.hint, surface))


def _rows(data: Any, columns: Sequence[str] | None) -> Rows:
    return open_rows(data) if isinstance(data, str | Path) else rows_of(data, columns)


def _training_rows(train: Any, rows: Rows) -> Rows:
    """Of a file of text: typed as the rows that are measured."""
    return open_rows(train, types=types_like(rows.schema)) if isinstance(train, str | Path) else rows_of(train)


def _open(
    model: Any,
    data: Any,
    rows: Rows,
    *,
    question: Question,
    labels: Labels,
    classes: Sequence[str] | None,
    token: str | None,
    ca: str | None,
    on_progress: ProgressCallback,
) -> tuple[Model, Rows]:
    """The model, and the rows as it wants them."""
    if isinstance(model, str | Path):
        if not is_address(str(model)) and not Path(model).exists():
            raise InputError("the file does not exist.", path=str(model), hint="Name the model's file.")
        answered = _RowCounter(on_progress, labels.rows)
        return with_its_texts(
            lambda read: open_model(
                model, read, question=question, labels=labels, token=token, ca=ca, on_progress=answered
            ),
            rows,
        )
    if is_fitted(model):
        return with_its_texts(
            lambda read: open_fitted(model, read, question=question, labels=labels, classes=classes), rows
        )
    if not callable(model):
        raise InputError(
            f"{type(model).__module__}.{type(model).__qualname__} is not a model.",
            path="model",
            hint="Give the path of a model file, a fitted model, or a function that answers for rows.",
        )
    frame = pa.concat_tables(rows.tables()) if isinstance(data, str | Path) else eager(data)
    predictor = open_function(model, frame, rows, question=question, labels=labels, classes=classes)
    name = getattr(model, "__qualname__", type(model).__qualname__)
    return Model(name, predictor, needs=(PLACE,)), with_places(rows)


class _RowCounter:
    """Adds up the rows that an endpoint has answered: tables of rows are far apart there."""

    def __init__(self, on_progress: ProgressCallback, rows: int) -> None:
        self._on_progress, self._rows, self._done = on_progress, rows, 0

    def __call__(self, rows: int) -> None:
        self._done += rows
        self._on_progress("scoring", min(self._done, self._rows), self._rows)
