"""From the data that a project names to what the assessors measure: one pass over the rows, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import ONE_COLUMN
from seatrial.assessors.contingency.group_specs import GroupSpec, Part, parse_groups, with_groups
from seatrial.assessors.references.baselines import Baseline, one_column_rule
from seatrial.errors import InputError
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Signature
from seatrial.pipeline.project.settings import DataSettings
from seatrial.rows import Rows
from seatrial.trial.cached_predictions import POSITION, Recorded
from seatrial.trial.data_checks.data_checks import Doubts
from seatrial.trial.data_checks.note import Note
from seatrial.trial.label_column import has_label
from seatrial.trial.scoring import Asked, Scored, Watcher, score


@dataclass(slots=True, eq=False)
class Known:
    """A `Predictor` that has its answers for the measured rows recorded, and asks the model for any others."""

    signature: Signature
    recorded: Recorded
    model: Predictor

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`."""
        return (self.recorded if POSITION in rows.column_names else self.model).predict(rows)


def score_measured(
    rows: Rows,
    role: str,
    predictor: Predictor,
    references: Mapping[str, Predictor],
    data: DataSettings,
    *,
    validation: Rows | None,
    train: Rows | None,
    vocabularies: Mapping[str, Collection[str]] | None = None,
    on_progress: Callable[[int], None],
    watchers: Sequence[Watcher] = (),
) -> tuple[Subject, Scored, tuple[Note, ...]]:
    """Asks every model about every measured row; `role` is what the rows are: "test", "validation" in a rehearsal.

    `validation` is what bins are fixed on, held in memory whole; of `train`, which fits baselines where it is given,
    labels and the first rows are kept. `watchers` see each table too. Rows without a label are an `InputError`: which
    of them are left out would be chosen by nobody. The notes are what is doubtful about the data.
    """
    for name, reference in references.items():
        for column in reference.signature.inputs:
            if column.name not in rows.schema.names:
                raise InputError(
                    f"the {role} data has no column {column.name!r}, which {name} takes.",
                    path=rows.origin,
                    hint="Give it all columns that either model takes, or name another release.",
                )
    groups = parse_groups(data.groups, rows.schema.names)
    tables: dict[str, pa.Table] = {}
    if validation is not None:
        tables["validation"] = with_groups(_whole(validation, _columns(predictor, data, groups)), groups)
    doubts = Doubts(
        rows.schema,
        label=data.label,
        task=data.task,
        inputs=[column.name for column in predictor.signature.inputs],
        groups=groups,
        vocabularies=vocabularies,
    )
    first = None
    if train is not None:
        tables["train"], first = _learnt(train, data.label, doubts)
    rule = _rule(predictor, rows, data, tables if first is None else {"train": first})
    asked = {name: Asked(name, reference) for name, reference in references.items()}
    if rule is not None:
        asked[ONE_COLUMN] = Asked(ONE_COLUMN, rule)
    # A plain grouping is a column that is kept as it is, and that is all that is wanted of clusters.
    kept = groups if data.cluster is None else (*groups, GroupSpec((Part(data.cluster),)))
    scored = score(
        rows,
        Asked("model", predictor),
        label=data.label,
        groups=kept,
        weight=data.weight,
        references=asked,
        watchers=(doubts, *watchers),
        watched=doubts.columns,
        on_progress=on_progress,
    )
    if scored.unlabelled:
        raise InputError(
            f"{scored.unlabelled:,} of {scored.unlabelled + scored.table.num_rows:,} rows have no label.",
            path=f"{role}.{data.label}",
            hint="Leave rows without a label out of the table.",
        )
    compared: dict[str, Predictor] = {
        name: Known(reference.signature, scored.references[name], reference) for name, reference in references.items()
    }
    if rule is not None:
        compared[ONE_COLUMN] = replace(rule, answer=scored.references[ONE_COLUMN].predict)
    subject = Subject(
        predictor=Known(predictor.signature, scored.answers, predictor),
        tables={**tables, role: scored.table},
        label=data.label,
        task=data.task,
        positive=data.positive,
        groups=tuple(spec.name for spec in groups),
        cluster=data.cluster,
        measured=role,
        weight=data.weight,
        references=compared,
        clip=data.clip,
        quantile=data.quantile,
        facts=doubts.facts(),
    )
    return subject, scored, doubts.notes()


def types_like(schema: pa.Schema) -> dict[str, pa.DataType]:
    """How the columns of another file of text are read: as here, where it may have fractions for whole numbers."""
    return {
        field.name: pa.float64() if pa.types.is_integer(field.type) else field.type
        for field in schema
        if not pa.types.is_null(field.type)
    }


def _learnt(train: Rows, label: str, doubts: Doubts) -> tuple[pa.Table, pa.Table | None]:
    """Shows the training rows to `doubts`; their labels, and the first of them."""
    labels, first = [], None
    for table in train.tables(doubts.train_columns):
        doubts.see_train(table)
        labelled = table.filter(pa.array(has_label(table.column(label))))
        labels.append(labelled.select([label]))
        first = labelled if first is None else first
    return (pa.concat_tables(labels) if labels else train.schema.empty_table().select([label])), first


def _rule(predictor: Predictor, rows: Rows, data: DataSettings, tables: Mapping[str, pa.Table]) -> Baseline | None:
    """The best rule of one column, fitted on the table at hand, else in hindsight on the first of the measured rows."""
    inputs = [column.name for column in predictor.signature.inputs]
    fitted = dict(tables)
    if not fitted and (found := next(iter(rows.tables(list(dict.fromkeys([data.label, *inputs])))), None)) is not None:
        fitted = {"test": found}
    rule = one_column_rule(Subject(predictor, fitted, data.label, data.task, data.positive)) if fitted else None
    if not isinstance(rule, Baseline):
        return None
    if "test" in fitted and rows.rows != fitted["test"].num_rows:
        return replace(rule, fitted_on=f"the first {fitted['test'].num_rows:,} measured rows")
    return rule


def _columns(predictor: Predictor, data: DataSettings, groups: tuple[GroupSpec, ...]) -> list[str]:
    inputs = [column.name for column in predictor.signature.inputs]
    others = [column for column in (data.cluster, data.weight) if column is not None]
    return list(dict.fromkeys([data.label, *inputs, *(source for spec in groups for source in spec.sources), *others]))


def _whole(rows: Rows, columns: list[str]) -> pa.Table:
    tables = list(rows.tables(columns))
    return pa.concat_tables(tables) if tables else rows.schema.empty_table().select(columns)
