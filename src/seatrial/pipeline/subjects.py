"""From the data that a project names to what the assessors measure: one pass over the rows, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from seatrial.assessors.assessor import Subject
from seatrial.assessors.baselines import Baseline, one_column_rule
from seatrial.assessors.claims import ONE_COLUMN
from seatrial.assessors.groups import GroupSpec, Part, parse_groups, with_groups
from seatrial.batches.rows import Rows
from seatrial.errors import InputError
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Signature
from seatrial.pipeline.project import DataSettings
from seatrial.tryout.recorded import POSITION, Recorded
from seatrial.tryout.score import Asked, Scored, Watcher, score


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
    heed: Callable[[int], None],
    watchers: Sequence[Watcher] = (),
) -> tuple[Subject, Scored]:
    """Asks every model about every measured row; `role` is what the rows are: "test", "validation" in a rehearsal.

    `validation` is what baselines and bins are fixed on, held in memory whole; `watchers` see each table too. Rows
    without a label are an `InputError`: which of them are left out would be chosen by nobody.
    """
    for name, reference in references.items():
        for column in reference.signature.inputs:
            if column.name not in rows.schema.names:
                raise InputError(
                    f"the {role} data has no column {column.name!r}, which {name} takes.",
                    path=rows.origin,
                    mend="Give it all columns that either model takes, or name another release.",
                )
    groups = parse_groups(data.groups, rows.schema.names)
    tables: dict[str, pa.Table] = {}
    if validation is not None:
        tables["validation"] = with_groups(_whole(validation, _columns(predictor, data, groups)), groups)
    rule = _rule(predictor, rows, data, tables)
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
        watchers=watchers,
        heed=heed,
    )
    if scored.unlabelled:
        raise InputError(
            f"{scored.unlabelled:,} of {scored.unlabelled + scored.table.num_rows:,} rows have no label.",
            path=f"{role}.{data.label}",
            mend="Leave rows without a label out of the table.",
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
    )
    return subject, scored


def _rule(predictor: Predictor, rows: Rows, data: DataSettings, tables: Mapping[str, pa.Table]) -> Baseline | None:
    """The best rule of one column, fitted on validation, else in hindsight on the first of the measured rows."""
    inputs = [column.name for column in predictor.signature.inputs]
    role, fitted = "validation", tables.get("validation")
    if fitted is None:
        role = "test"
        fitted = next(iter(rows.tables(list(dict.fromkeys([data.label, *inputs])))), None)
    if fitted is None:
        return None
    subject = Subject(predictor, {role: fitted}, data.label, data.task, positive=data.positive)
    found = one_column_rule(subject)
    if not isinstance(found, Baseline):
        return None
    if role == "test" and rows.rows != fitted.num_rows:
        return replace(found, fitted_on=f"the first {fitted.num_rows:,} measured rows")
    return found


def _columns(predictor: Predictor, data: DataSettings, groups: tuple[GroupSpec, ...]) -> list[str]:
    inputs = [column.name for column in predictor.signature.inputs]
    others = [column for column in (data.cluster, data.weight) if column is not None]
    return list(dict.fromkeys([data.label, *inputs, *(source for spec in groups for source in spec.sources), *others]))


def _whole(rows: Rows, columns: list[str]) -> pa.Table:
    tables = list(rows.tables(columns))
    return pa.concat_tables(tables) if tables else rows.schema.empty_table().select(columns)
