"""Trying a model: from a question, a model and rows to a verdict. Everything else in this room serves this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import BASELINE, ONE_COLUMN
from seatrial.assessors.contingency.group_specs import GroupSpec, parse_groups
from seatrial.assessors.evaluation_digest import evaluation_digest
from seatrial.assessors.references.baselines import Baseline, one_column_rule
from seatrial.assessors.run_trial import run_trial
from seatrial.assessors.subject_checks import check_subject
from seatrial.errors import InputError
from seatrial.models.predictor import Predictor
from seatrial.models.signature import Task
from seatrial.rows import Rows
from seatrial.stores.documents import sha256, to_json
from seatrial.trial.attack_starts import attacked_sample, under_attack
from seatrial.trial.cached_predictions import Recorded
from seatrial.trial.data_checks.data_checks import Doubts
from seatrial.trial.label_column import Labels, check_column, has_label
from seatrial.trial.question import Question
from seatrial.trial.scoring import Asked, Scored, score
from seatrial.trial.validate import assumptions
from seatrial.tryout.assessment import Assessment
from seatrial.tryout.opened_model import Model
from seatrial.tryout.policy_file import DEFAULT, default_policy, policy_of_file
from seatrial.tryout.uses import count_use
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy


class ProgressCallback(Protocol):
    """Hears how far an attempt is: the phase, and rows done of all (None: they are not counted)."""

    def __call__(self, phase: str, done: int, rows: int | None) -> None:
        """Hears it."""
        ...


def no_progress(phase: str, done: int, rows: int | None) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What is kept of a training set: its labels, and its first rows, on which baselines are fitted."""

    labels: pa.Table
    first: pa.Table


def groups_of(question: Question, rows: Rows) -> tuple[GroupSpec, ...]:
    """The groupings that were asked for, checked against the columns that there are."""
    specs = parse_groups(question.groups, rows.schema.names)
    for spec in specs:
        for column in spec.sources:
            check_column(rows, column, "--groups")
            if pa.types.is_nested(kind := rows.schema.field(column).type):
                raise InputError(
                    f"--groups {column}: the column holds {kind}, and groups are of single values.",
                    path=rows.origin,
                    hint="Name another column.",
                )
    if question.weight is not None:
        check_column(rows, question.weight, "--weight")
        kind = rows.schema.field(question.weight).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise InputError(
                f"--weight {question.weight}: the column holds {kind}, and weights are numbers.",
                path=rows.origin,
                hint="Name the column that says how many people a row stands for.",
            )
    return specs


def policy_for(policy: str, question: Question, specs: Sequence[GroupSpec], task: Task, against: str | None) -> Policy:
    """The policy that is named: "default", or a file's. It is made to compare with `against` where it does not yet."""
    if policy == DEFAULT:
        return default_policy(task, against=against, margin=question.margin)
    found = policy_of_file(Path(policy), groups=[spec.name for spec in specs], task=task)
    if against is None or compared_with(found):
        return found
    compared = default_policy(task, against=against, margin=question.margin).require[-1]
    return replace(found, require=(*found.require, compared))


def compared_with(policy: Policy) -> tuple[str, ...]:
    """The models, by the names that the policy has for them, that are no baselines: all of them mean `--against`."""
    names = (requirement.no_worse_than for requirement in policy.require)
    return tuple(dict.fromkeys(name for name in names if name not in (None, BASELINE, ONE_COLUMN)))


def attempt(
    question: Question,
    model: Model,
    rows: Rows,
    labels: Labels,
    *,
    policy: Policy,
    groups: Sequence[GroupSpec],
    state: Path,
    now: datetime,
    against: Model | None = None,
    training: Training | None = None,
    doubts: Doubts | None = None,
    on_progress: ProgressCallback = no_progress,
    reproduce: tuple[str, ...] = (),
) -> Assessment:
    """Scores the rows in one pass, records the use of the test data, measures, and judges.

    What is wrong with model or data is an `InputError` before anything is counted.
    """
    if against is not None:
        check_another(model, against)
    names = compared_with(policy)
    if against is None:
        check_applies(policy, names)
    references = {} if against is None else {name: Asked(against.name, against.predictor) for name in names}
    on_progress("fitting baselines", 0, None)
    rule = simple_rule(question, model, rows, training)
    if rule is not None:
        references[ONE_COLUMN] = Asked(ONE_COLUMN, rule)
    on_progress("scoring", 0, labels.rows)
    sample = None
    if model.package is not None:  # an endpoint is asked politely: attacks would ask it a hundred thousand times
        sample = attacked_sample(model.signature, policy, groups, label=question.label, seed=question.seed)
    scored = score(
        rows,
        Asked(model.name, model.predictor, model.needs),
        label=question.label,
        groups=groups,
        weight=question.weight,
        references=references,
        watchers=[one for one in (doubts, sample) if one is not None],
        watched=() if doubts is None else doubts.columns,
        on_progress=lambda done: on_progress("scoring", done, labels.rows),
    )
    compared: dict[str, Predictor] = dict(scored.references)
    if rule is not None:
        compared[ONE_COLUMN] = replace(rule, answer=scored.references[ONE_COLUMN].predict)
    subject = subject_of(question, model, scored, groups, compared, training)
    if doubts is not None:
        subject = replace(subject, facts=doubts.facts())
    if sample is not None and model.package is not None:
        attacked = under_attack(
            sample,
            model.predictor,
            model.package,
            policy,
            groups,
            seen=None if training is None else training.first,
            on_progress=lambda doing: on_progress(f"attacking {doing}", 0, None),
        )
        subject = replace(subject, under_attack=attacked)
    check_subject(subject)
    on_progress("measuring", labels.rows, labels.rows)
    digests = {name: _digest(against, scored.references.get(name)) for name in names}
    identity = model.identity or scored.answers.digest()
    asked = evaluation_digest(policy, subject, groups, references=digests, seed=question.seed)
    use = count_use(state, scored.digest, scored.table.num_rows, model=identity, policy=asked)
    trial = run_trial(
        subject,
        policy,
        data="test",
        use=use,
        model=model.digest or identity,
        policy_digest=sha256(to_json(policy)),
        seed=question.seed,
        budget_s=question.budget_s,
        progress=lambda _what: None,  # a second or two, whatever is measured
        references=digests,
    )
    return Assessment(
        model=model.name,
        data=rows.origin,
        label=question.label,
        verdict=judge(policy, trial),
        policy=policy,
        trial=trial,
        signature=model.signature,
        provenance=model.provenance,
        notes=() if doubts is None else doubts.notes(),
        assumptions=(
            *assumptions(question, labels, model.signature, notes=model.notes),
            *(() if against is None else (f"{against.name}: {note}" for note in against.notes)),
        ),
        unasked=tuple(
            unasked(question, model.signature.task, against=against is not None, attacked=bool(policy.threat))
        ),
        groups=tuple(spec.name for spec in groups),
        created=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        reproduce=reproduce,
    )


def subject_of(
    question: Question,
    model: Model,
    scored: Scored,
    groups: Sequence[GroupSpec],
    references: Mapping[str, Predictor],
    training: Training | None,
) -> Subject:
    """What is measured: recorded answers, beside what is kept of the rows."""
    known = {} if training is None else {"train": training.labels}
    return Subject(
        predictor=scored.answers,
        tables={"test": scored.table, **known},
        label=question.label,
        task=model.signature.task,
        positive=model.signature.positive,
        groups=tuple(spec.name for spec in groups),
        weight=question.weight,
        references=references,
        clip=question.clip,
        quantile=question.quantile,
    )


def simple_rule(question: Question, model: Model, rows: Rows, training: Training | None) -> Baseline | None:
    """The best rule of one input column, fitted on training rows, or on the first of those that are measured.

    In hindsight it is harder to beat; where the measured rows are few, these are all of them.
    """
    inputs = [column.name for column in model.signature.inputs]
    for table in rows.tables(list(dict.fromkeys([question.label, *inputs]))):
        known = table.filter(pa.array(has_label(table.column(question.label))))
        tables = {"test": known} if training is None else {"test": known, "train": training.first}
        found = one_column_rule(Subject(model.predictor, tables, question.label, model.signature.task))
        if not isinstance(found, Baseline):
            return None
        few = rows.rows is not None and rows.rows <= table.num_rows
        if few or training is not None:
            return found
        return replace(found, fitted_on=f"the first {known.num_rows:,} measured rows")
    return None


def check_applies(policy: Policy, names: Sequence[str]) -> None:
    """`InputError` where the policy asks only for comparisons with models that nobody named: it could judge nothing."""
    if policy.require and all(requirement.no_worse_than in names for requirement in policy.require):
        raise InputError(
            f"the policy asks only for comparisons with {', '.join(names)}, and no such model is named.",
            path="--policy",
            hint="Name the model that runs now with --against.",
        )


def check_another(model: Model, against: Model) -> None:
    """`InputError` where a model would be compared with itself, or with one of another task."""
    if against.identity is not None and against.identity == model.identity:
        raise InputError(
            f"--against {against.name} is the same model as {model.name}: there is nothing to compare.",
            path=against.name,
            hint="Name the model that runs now.",
        )
    if against.signature.task != model.signature.task:
        raise InputError(
            f"--against {against.name} is a {against.signature.task} model, and {model.name} a "
            f"{model.signature.task} one.",
            path=against.name,
            hint="Compare models of one task.",
        )


def unasked(question: Question, task: Task, *, against: bool, attacked: bool) -> Iterator[str]:
    """What was not measured because nobody asked, and what to give for it."""
    if task == "regression" and question.clip is None:
        yield "Bounds on errors that hold at any number of rows (these are asymptotic): the largest that counts, --clip"
    if not question.groups:
        yield "Differences between groups: name them, --groups sex,age:18,40,65"
    if not against:
        yield "Whether it is no worse than the model that runs now: name that, --against FILE"
    if not attacked:
        yield "Robustness to attacks: say what an attacker can do, [policy.threat.NAME] in --policy FILE"
    yield "Privacy of the training data: it needs that data, and the model's training"


def _digest(against: Model | None, answers: Recorded | None) -> str | None:
    if against is None or answers is None:
        return None
    return against.digest or answers.digest()
