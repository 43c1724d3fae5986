"""`seatrial try` behind its options: what was given becomes a question, and the result says what comes next."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from seatrial.errors import InputError
from seatrial.models.signature import Task
from seatrial.rows import open_rows
from seatrial.trial.progress import ProgressCallback
from seatrial.trial.question import BUDGET_S, SEED, Question
from seatrial.trial.spelling import command_line
from seatrial.tryout.assessment import Assessment
from seatrial.tryout.example import CREDIT, MODEL, QUESTION, TABLE, example_folder
from seatrial.tryout.open_inputs import try_model
from seatrial.tryout.opened_model import is_address
from seatrial.tryout.policy_file import DEFAULT
from seatrial.tryout.uses import use_recorder
from seatrial.verdicts.verdict import Outcome

_LIKELY_LABELS = ("label", "target", "y", "class", "outcome")


@dataclass(frozen=True, slots=True)
class TryArguments:
    """What stands on the command line."""

    model: str | None = None
    data: str | None = None
    label: str | None = None
    groups: tuple[str, ...] = ()
    task: Task | None = None
    positive: str | None = None
    classes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    threshold: float | None = None
    weight: str | None = None
    train: str | None = None
    against: str | None = None
    margin: float | None = None
    policy: str = DEFAULT
    clip: float | None = None
    quantile: float | None = None
    largest_weight: float | None = None
    token: str | None = None
    ca: str | None = None
    seed: int = SEED
    budget: float | None = None
    example: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, and what was asked."""

    assessment: Assessment
    arguments: TryArguments

    @property
    def failed(self) -> bool:
        """Whether the verdict is fail or inconclusive."""
        return self.assessment.outcome not in (None, Outcome.PASS)

    def as_document(self, *, report: Path) -> dict[str, Any]:
        """The `--json` document."""
        return assessment_document(self.assessment, report=report)

    def closing_lines(self, *, report: Path) -> Iterator[str]:
        """Where the report is, and the next command that makes sense."""
        yield f"Report: {report.resolve()}"
        if self.arguments.example:
            yield CREDIT
            yield "Next: seatrial try MODEL TABLE --label COLUMN, with a model and a table of yours"
        elif self.arguments.policy == DEFAULT and (clip := self.assessment.suggested_clip()) is not None:
            next_command = words([*command_of(self.arguments), "--clip", clip])
            yield f"Next: {next_command}, with the largest error that counts in full"
        elif is_address(str(self.arguments.model)):
            yield "An endpoint is measured and never released: there is no model to sign."
            yield f"Next: {words(command_of(self.arguments))} --policy FILE.toml, with thresholds of yours"
        else:
            yield f"Next: {words(_init(self.arguments))}"


def run(arguments: TryArguments, *, on_progress: ProgressCallback) -> Result:
    """Tries what was given."""
    question, model, data = _question_of(arguments)
    assessment = try_model(
        model,
        data,
        question,
        policy=arguments.policy,
        train=arguments.train,
        against=arguments.against,
        token=arguments.token,
        ca=arguments.ca,
        surface=command_line,
        uses=use_recorder(os.environ, Path.home()),
        now=datetime.now(UTC),
        on_progress=on_progress,
        reproduce=(words(command_of(arguments)),),
    )
    return Result(assessment, arguments)


def assessment_document(assessment: Assessment, *, report: Path) -> dict[str, Any]:
    """An assessment for `--json`: the document of `run`, and what it rests on."""
    outcome = None if assessment.outcome is None else assessment.outcome.value
    return {
        "run": None,
        "release": None,
        "verdict": outcome,
        "deployable": False,
        "waived": [],
        "steps": [],
        "model": _plain(assessment.signature) | {"name": assessment.model, "digest": assessment.trial.model},
        "data": {"name": assessment.data, "label": assessment.label, "groups": list(assessment.groups)},
        "confidence": assessment.trial.confidence,
        "test_use": _plain(assessment.trial.test_use),
        "assumptions": list(assessment.assumptions),
        "notes": [_plain(note) for note in assessment.notes],
        "findings": [
            {
                "requirement": str(finding.requirement),
                "outcome": finding.outcome.value,
                "reason": finding.reason,
                "rows_needed": finding.rows_needed,
            }
            for finding in assessment.findings
        ],
        "evidence": [_plain(evidence) for evidence in assessment.trial.evidence],
        "not_measured": [_plain(unmeasured) for unmeasured in assessment.trial.not_measured],
        "report": str(report),
    }


def check_report(path: Path) -> None:
    """`InputError` where the report could not be written: known before a use of the test data is counted for it."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise InputError("the report cannot be written there.", path=str(path), hint="Name a file: --report FILE.html.")


def split_groups(texts: Sequence[str]) -> tuple[str, ...]:
    """The groupings in texts like "sex,age:18,25,sex*race": a number goes on with the bins before it."""
    groupings: list[str] = []
    for text in texts:
        start = len(groupings)
        for part in text.split(","):
            if len(groupings) > start and ":" in groupings[-1] and _is_number(part):
                groupings[-1] += f",{part.strip()}"
            else:
                groupings.append(part.strip())
    return tuple(groupings)


def split_names(texts: Sequence[str]) -> tuple[str, ...] | None:
    """The names in texts like "a,b,c"; None where there are none."""
    return tuple(part.strip() for text in texts for part in text.split(",")) or None


def command_of(arguments: TryArguments) -> list[str]:
    """The command line that asks the same."""
    parts = ["seatrial", "try", *(part for part in (arguments.model, arguments.data) if part is not None)]
    for item in fields(arguments):
        value = getattr(arguments, item.name)
        if item.name in ("model", "data") or value == item.default:
            continue
        if item.name == "example":
            parts.append("--example")
        else:
            parts += [f"--{item.name.replace('_', '-')}", ",".join(value) if isinstance(value, tuple) else str(value)]
    return parts


def words(parts: Sequence[str]) -> str:
    """A command line as a shell takes it."""
    return shlex.join(parts)


def _question_of(arguments: TryArguments) -> tuple[Question, str, str]:
    if arguments.example:
        if arguments.model is not None:
            raise InputError(
                "--example brings its own model and table.", hint="Leave out MODEL and DATA, or --example."
            )
        folder = example_folder()
        model, data = str(folder / MODEL), str(folder / TABLE)
        label, groups = arguments.label or QUESTION.label, arguments.groups or QUESTION.groups
    else:
        model, data = _model_and_data(arguments.model, arguments.data)
        label, groups = arguments.label or _no_label(data), arguments.groups
    question = Question(
        label=label,
        task=arguments.task,
        positive=arguments.positive,
        classes=split_names(arguments.classes),
        groups=split_groups(groups),
        inputs=split_names(arguments.inputs),
        threshold=arguments.threshold,
        weight=arguments.weight,
        clip=arguments.clip,
        quantile=arguments.quantile,
        largest_weight=arguments.largest_weight,
        margin=arguments.margin,
        seed=arguments.seed,
        budget_s=BUDGET_S if arguments.budget is None else arguments.budget,
    )
    return question, model, data


def _model_and_data(model: str | None, data: str | None) -> tuple[str, str]:
    if model is None:
        raise InputError(
            "`try` needs a model and a table.",
            hint="Write `seatrial try MODEL DATA --label COLUMN`, or `seatrial try --example` to see one.",
        )
    if data is None:
        raise InputError(
            "there is a model and no table to try it on.",
            path=model,
            hint="Write `seatrial try MODEL DATA --label COLUMN`.",
        )
    return model, data


def _no_label(data: str) -> str:
    """Raises: nobody can guess what is true. But which columns there are can be said."""
    names = open_rows(data).schema.names
    likely = next((name for name in names if name.lower() in _LIKELY_LABELS), None)
    hint = f"Write --label {likely}?" if likely is not None else f"Name one of: {', '.join(names)}."
    raise InputError("--label is missing: which column holds what is true?", path=data, hint=hint)


def _init(arguments: TryArguments) -> list[str]:
    model, data, *options = command_of(arguments)[2:]
    return ["seatrial", "init", "DIR", "--from", model, "--test", data, *_for_init(options)]


def _for_init(options: Sequence[str]) -> list[str]:
    pairs = zip(options[::2], options[1::2], strict=True)
    about_model = ("--task", "--positive", "--classes", "--inputs", "--threshold")
    shared = ("--label", "--groups", *about_model, "--weight", "--train", "--clip", "--quantile", "--largest-weight")
    return [part for name, value in pairs if name in shared for part in (name, value)]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    """Dataclasses as JSON takes them; infinities, which it has no word for, as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(item) for name, item in asdict(value).items()}
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.value if isinstance(value, StrEnum) else value
