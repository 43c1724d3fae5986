"""The training set beside a trial: shown to the data checks, and as much of it kept as baselines need."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from seatrial.errors import InputError, field
from seatrial.rows import Rows
from seatrial.trial.data_checks.data_checks import DataChecks
from seatrial.trial.label_column import has_label
from seatrial.trial.progress import ProgressCallback


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRows:
    """What is kept of a training set: its labels, and its first rows, on which baselines are fitted."""

    labels: pa.Table
    first: pa.Table


def types_like(schema: pa.Schema) -> dict[str, pa.DataType]:
    """How the columns of another file of text are read: as here, where it may have fractions for whole numbers."""
    return {
        column.name: pa.float64() if pa.types.is_integer(column.type) else column.type
        for column in schema
        if not pa.types.is_null(column.type)
    }


def read_training(train: Rows, label: str, checks: DataChecks, on_progress: ProgressCallback) -> TrainingRows | None:
    """Shows the training rows to `checks`, and keeps their labels and the first of them; None where there are none."""
    try:
        train.check_columns(checks.train_columns)
    except InputError as error:
        raise InputError(f"{field('train')}: {error.problem}", path=error.path, hint=error.hint) from None
    labels: list[pa.Table] = []
    first: pa.Table | None = None
    done = 0
    for table in train.tables(checks.train_columns):
        checks.see_train(table)
        done += table.num_rows
        on_progress("reading the training set", done, train.rows)
        labelled = table.filter(pa.array(has_label(table.column(label))))
        labels.append(labelled.select([label]))
        first = labelled if first is None else first
    return None if first is None else TrainingRows(pa.concat_tables(labels), first)
