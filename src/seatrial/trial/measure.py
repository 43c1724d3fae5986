"""The trial: from opened rows, a model and a question to a judged record. Whoever tries a model calls `measure`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import pyarrow as pa

from seatrial.assessors.answers.cached_predictions import CachedPredictions
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import BASELINE, ONE_COLUMN
from seatrial.assessors.contingency.group_specs import GroupSpec, Part, with_groups
from seatrial.assessors.evaluation_digest import DecidingColumns, evaluation_digest
from seatrial.assessors.policy_settings import groups_of_policy, settings_of_policy
from seatrial.assessors.references.baselines import Baseline, one_column_rule
from seatrial.assessors.references.reference_answers import rule_key
from seatrial.assessors.run_trial import run_trial
from seatrial.assessors.subject_checks import check_subject
from seatrial.models.predictor import Predictor
from seatrial.models.runtime import load_predictor
from seatrial.models.signature import Signature
from seatrial.rows import Rows
from seatrial.stores.documents import sha256, to_json
from seatrial.trial.attack_starts import attacked_sample, under_attack
from seatrial.trial.batch_dependence import flag_batch_dependence
from seatrial.trial.data_checks.data_checks import DataChecks
from seatrial.trial.data_checks.label_checks import share
from seatrial.trial.data_checks.note import Note
from seatrial.trial.inverted import check_inverted, inverted_note
from seatrial.trial.label_column import has_label
from seatrial.trial.model import Model
from seatrial.trial.progress import ProgressCallback, no_progress
from seatrial.trial.question import Question
from seatrial.trial.repeated_rows.flag_repeated import flag_repeated
from seatrial.trial.repeated_rows.row_cells import RowCells
from seatrial.trial.scoring import ScoredModel, ScoredRows, score
from seatrial.trial.test_uses.ledger import TestData
from seatrial.trial.test_uses.row_sketch import is_vector
from seatrial.trial.ties import ties_note
from seatrial.trial.training_rows import TrainingRows, read_training
from seatrial.trial.unlabelled import flag_unanswered, flag_unlabelled
from seatrial.trial.validate import check_applies, check_reference, check_time
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import TestUse, Trial

Role = Literal["test", "validation"]
_OPENED_TWICE_BYTES = 256 * 2**20  # of a package: a larger one would take its memory twice
_RULED = ("rmse", "mae", "quantile_loss")  # of regressions: for each another number is the best constant


class UseRecorder(Protocol):
    """Where the uses of test data are recorded: one method."""

    def record(self, test_data: TestData, *, model: str, evaluation: str) -> TestUse:
        """Records that the model is measured on the test data, before it is; `model` and `evaluation` are digests.

        The same model under the same evaluation is the same use.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TrialInputs:
    """What was opened for a trial: the model, the measured rows, and what it is compared with or fitted on.

    `references` are the models that the policy compares with, under the names it gives them; None where there is none
    yet. `validation` fixes bins and open ranges; it is held in memory whole.
    """

    model: Model
    rows: Rows
    references: Mapping[str, Model | None] = field(default_factory=dict)
    train: Rows | None = None
    validation: Rows | None = None


@dataclass(frozen=True, slots=True)
class MeasuredTrial:
    """The record of the trial, and what to know about the data."""

    trial: Trial
    notes: tuple[Note, ...]
    rows: int  # measured rows that have a label


def compared_models(policy: Policy) -> tuple[str, ...]:
    """The models that the policy compares with, as it names them; baselines are made by the trial itself."""
    names = (requirement.no_worse_than for requirement in policy.require)
    return tuple(dict.fromkeys(name for name in names if name is not None and name not in (BASELINE, ONE_COLUMN)))


def measure(
    question: Question,
    inputs: TrialInputs,
    policy: Policy,
    *,
    groups: Sequence[GroupSpec],
    uses: UseRecorder | None,
    role: Role = "test",
    on_progress: ProgressCallback = no_progress,
) -> MeasuredTrial:
    """Scores the rows in one pass, records the use of the test data, and measures.

    What is wrong with model or data is an `InputError` before anything is counted. `uses` is None in a rehearsal, whose
    `role` is "validation": it counts nothing. Fields of the question in texts are spelled by whoever called.
    """
    model, rows = inputs.model, inputs.rows
    groups = groups_of_policy(policy, groups)
    references = {name: reference for name, reference in inputs.references.items() if reference is not None}
    for reference in references.values():
        check_reference(model, reference, rows)
    check_applies(policy, [name for name in compared_models(policy) if name not in references])
    check_time(policy, rows)
    compared = _compared_columns(question, model, rows)
    checks = DataChecks(
        rows.schema,
        label=question.label,
        task=model.signature.task,
        inputs=compared,
        groups=groups,
        vocabularies=model.vocabularies,
        time=policy.time,
    )
    tables: dict[str, pa.Table] = {}
    if inputs.validation is not None:
        columns = measured_columns(question, model.signature, groups)
        tables["validation"] = with_groups(_whole(inputs.validation, columns), groups)
    training = None
    if inputs.train is not None:
        training = read_training(inputs.train, question.label, checks, on_progress)
    on_progress("fitting baselines", 0, None)
    rules = _one_column_rules(question, model, policy, rows, training, tables)
    sample = None
    if model.package is not None:  # an endpoint is asked politely: attacks would ask it a hundred thousand times
        sample = attacked_sample(
            model.signature,
            policy,
            groups,
            label=question.label,
            seed=question.seed,
            others=[] if question.cluster is None else [question.cluster],
        )
    deciding = DecidingColumns(
        policy,
        groups,
        label=question.label,
        inputs=[column.name for column in model.signature.inputs],
        weight=question.weight,
        cluster=question.cluster,
    )
    cells = RowCells(rows.schema, label=question.label, inputs=compared)
    scored_references = {
        name: ScoredModel(reference.name, reference.predictor) for name, reference in references.items()
    }
    scored_references |= {key: ScoredModel(ONE_COLUMN, rule) for key, rule in rules.items()}
    on_progress("scoring", 0, rows.rows)
    # A plain grouping is a column that is kept as it is, and that is all that is wanted of clusters.
    group_specs = groups if question.cluster is None else (*groups, GroupSpec((Part(question.cluster),)))
    scored = score(
        rows,
        ScoredModel(model.name, model.predictor, model.needs, _otherwise(model)),
        label=question.label,
        groups=group_specs,
        weight=question.weight,
        references=scored_references,
        watchers=[checks, deciding, cells, *([] if sample is None else [sample])],
        watched=checks.columns,
        on_progress=lambda done: on_progress("scoring", done, rows.rows),
    )
    subject = Subject(
        predictor=scored.predictions,
        tables={
            **tables,
            role: scored.table,
            **({} if training is None else {"train": training.labels}),
        },
        label=question.label,
        task=model.signature.task if question.task is None else question.task,
        positive=model.signature.positive if question.positive is None else question.positive,
        groups=tuple(spec.name for spec in groups),
        cluster=question.cluster,
        measured=role,
        weight=question.weight,
        references=scored.references,
        clip=question.clip,
        quantile=question.quantile,
        largest_weight=question.largest_weight,
        facts=replace(checks.facts(), unanswered=scored.unanswered),
    )
    if sample is not None and model.package is not None:
        attacked = under_attack(
            sample,
            model.predictor,
            model.package,
            policy,
            groups,
            seen=_range_rows(training, tables),
            on_progress=lambda attack: on_progress(f"attacking {attack}", 0, None),
        )
        subject = replace(subject, under_attack=attacked)
    subject = settings_of_policy(policy, subject)
    check_subject(subject)  # a mistake in the data costs no use of it
    inverted = inverted_note(subject)
    if uses is not None:  # a rehearsal counts nothing, and says it in a note
        check_inverted(inverted, subject, question, model=model.name)
    digests = {name: _digest_of(inputs.references.get(name), scored, name) for name in compared_models(policy)}
    identity = model.identity or scored.predictions.digest(scored.row_hashes)
    use = None
    if uses is not None:
        evaluation = evaluation_digest(
            policy,
            subject,
            groups,
            references=digests,
            seed=question.seed,
            deciding=deciding.hexdigest(),
            budget_s=question.budget_s,
        )
        use = uses.record(scored.test_data, model=identity, evaluation=evaluation)
    trial = run_trial(
        subject,
        policy,
        data=role,
        use=use,
        model=model.digest or identity,
        policy_digest=sha256(to_json(policy)),
        seed=question.seed,
        budget_s=question.budget_s,
        progress=lambda what: on_progress(f"measuring {what}", 0, None),
        references=digests,
    )
    trial = flag_batch_dependence(trial, scored.batch_dependence)
    trial = flag_unlabelled(trial, policy, unlabelled=scored.unlabelled, labelled=scored.table.num_rows)
    trial = flag_unanswered(trial, policy, unanswered=scored.unanswered, answered=scored.table.num_rows)
    trial = flag_repeated(trial, policy, subject, cells, rows, measured=scored.answered)
    about_answers = (inverted, _unanswered_note(scored), ties_note(subject))
    notes = (*(note for note in about_answers if note is not None), *checks.notes())
    return MeasuredTrial(trial, notes, scored.table.num_rows)


def _unanswered_note(scored: ScoredRows) -> Note | None:
    """The note on rows that the model did not answer; None where there are none."""
    if scored.unanswered == 0:
        return None
    rows = len(scored.answered)
    return Note(
        "unanswered",
        None,
        f"the model does not answer {scored.unanswered:,} of {rows:,} rows ({share(scored.unanswered, rows)}), first "
        f"row {scored.first_unanswered:,} (from 0): they are measured by answered_share alone.",
        "A missing value is the usual cause: fill it as in training, or require an answered_share in the policy.",
    )


def _otherwise(model: Model) -> Mapping[str, Callable[[], Predictor]]:
    """The packaged model with another number of threads than it had; a black box cannot be told how many to take."""
    package = model.package
    if package is None or sum(map(len, package.values())) > _OPENED_TWICE_BYTES:
        return {}
    if (os.cpu_count() or 1) > 1:
        return {"with one thread": lambda: load_predictor(package, threads=1)}
    return {"with two threads": lambda: load_predictor(package, threads=2)}


def measured_columns(question: Question, signature: Signature, groups: Sequence[GroupSpec]) -> list[str]:
    """The columns that a trial looks at, whatever the role of the rows."""
    inputs = [column.name for column in signature.inputs]
    others = [column for column in (question.cluster, question.weight) if column is not None]
    sources = [source for spec in groups for source in spec.sources]
    return list(dict.fromkeys([question.label, *inputs, *sources, *others]))


def _compared_columns(question: Question, model: Model, rows: Rows) -> list[str]:
    """What tells one row from another for the model: its inputs, and the vectors that a function is given."""
    inputs = [column.name for column in model.signature.inputs]
    if model.package is None:
        allowed = question.inputs or rows.schema.names
        inputs += [field.name for field in rows.schema if field.name in allowed and is_vector(field.type)]
    return [name for name in dict.fromkeys(inputs) if name != question.label]


def _range_rows(training: TrainingRows | None, tables: Mapping[str, pa.Table]) -> pa.Table | None:
    """The rows that fix what a threat leaves open: those the model was trained on, else those that chose."""
    return tables.get("validation") if training is None else training.first


def _one_column_rules(
    question: Question,
    model: Model,
    policy: Policy,
    rows: Rows,
    training: TrainingRows | None,
    tables: Mapping[str, pa.Table],
) -> dict[str, Baseline]:
    """The best rules of one input column, by the name that a subject holds each under: of a regression several.

    They are fitted on training rows, else on validation rows, else on the first measured. In hindsight they are harder
    to beat; where the measured rows are few, these are all of them.
    """
    first: pa.Table | None = None
    fitted: dict[str, pa.Table] = dict(tables) if training is None else {"train": training.first}
    if not fitted:
        columns = list(dict.fromkeys([question.label, *(column.name for column in model.signature.inputs)]))
        first = next(iter(rows.tables(columns)), None)
        if first is None:
            return {}
        fitted = {"test": first.filter(pa.array(has_label(first.column(question.label))))}
    signature, quantile = model.signature, question.quantile if policy.quantile is None else policy.quantile
    subject = Subject(model.predictor, fitted, question.label, signature.task, signature.positive, quantile=quantile)
    if signature.task == "regression":
        fits = {rule_key(metric, quantile): one_column_rule(subject, metric) for metric in _RULED}
    else:
        fits = {ONE_COLUMN: one_column_rule(subject)}
    rules = {key: rule for key, rule in fits.items() if isinstance(rule, Baseline)}
    if "test" in fitted and first is not None and rows.rows != first.num_rows:
        on = f"the first {fitted['test'].num_rows:,} measured rows"
        return {key: replace(rule, fitted_on=on) for key, rule in rules.items()}
    return rules


def _digest_of(reference: Model | None, scored: ScoredRows, name: str) -> str | None:
    """What the record calls the reference: the digest of its package, else of its predictions; None: there is none."""
    if reference is None:
        return None
    predictions = scored.references[name]
    return reference.digest or (
        predictions.digest(scored.row_hashes) if isinstance(predictions, CachedPredictions) else None
    )


def _whole(rows: Rows, columns: list[str]) -> pa.Table:
    tables = list(rows.tables(columns))
    return pa.concat_tables(tables) if tables else rows.schema.empty_table().select(columns)
