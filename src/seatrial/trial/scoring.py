"""One pass over the rows: the model and what it is compared with are asked, and only what measuring needs is kept.

Kept of each row: its label, group columns and weight, an answer of each model, and the record by which the test data
is recognised (8 bytes a number, 4 a text, of the label and the model's inputs; 8 bytes a row to tell answers of rows
in another order). Never a Python object a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.assessors.answers.cached_predictions import POSITION, CachedPredictions, Recorder
from seatrial.assessors.contingency.group_specs import GroupSpec, with_groups
from seatrial.errors import InputError, field
from seatrial.models.predictor import Predictions, Predictor
from seatrial.rows import Rows
from seatrial.trial.batch_dependence import BatchDependence, find_batch_dependence
from seatrial.trial.data_checks.value_hashes import Hashes
from seatrial.trial.label_column import has_label
from seatrial.trial.test_uses.ledger import TestData
from seatrial.trial.test_uses.row_sketch import RowSketch, row_hashes
from seatrial.verdicts.digest import DigestOfTestData


class Watcher(Protocol):
    """Sees every table that is scored, as it was read: `data_checks.DataChecks`."""

    def see(self, table: pa.Table) -> None:
        """Looks at the next rows."""
        ...


@dataclass(frozen=True, slots=True)
class ScoredModel:
    """A model that answers for every row; `name` is what errors call it, `needs` are columns besides its inputs.

    `otherwise` opens it as it may run elsewhere (`find_batch_dependence`).
    """

    name: str
    predictor: Predictor
    needs: tuple[str, ...] = ()
    otherwise: Mapping[str, Callable[[], Predictor]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ScoredRows:
    """What is left of the rows: `table` has label, groups, weight and `POSITION`; of rows with label and answer.

    `test_data` is what the rows are recognised by, and `row_hashes` has one hash of each row's inputs, whatever their
    order; `predictions` and `references` answer for `table`.
    """

    table: pa.Table
    test_data: TestData
    row_hashes: Hashes
    predictions: CachedPredictions
    references: Mapping[str, CachedPredictions]
    unlabelled: int
    answered: NDArray[np.bool_]  # of each row that has a label: rows without an answer are not in `table` either
    unanswered: int = 0
    first_unanswered: int | None = None  # its place among all rows, from 0
    batch_dependence: BatchDependence | None = None


def score(
    rows: Rows,
    model: ScoredModel,
    *,
    label: str,
    groups: Sequence[GroupSpec] = (),
    weight: str | None = None,
    references: Mapping[str, ScoredModel] | None = None,
    watchers: Sequence[Watcher] = (),
    watched: Sequence[str] = (),
    on_progress: Callable[[int], None] = lambda _done: None,
) -> ScoredRows:
    """Asks every model about every row. `watched` are columns that only `watchers` need; `on_progress` hears how far.

    While a table is answered, watchers and the digest of the test data look at it on a thread beside.
    """
    references = references or {}
    inputs = [column.name for column in model.predictor.signature.inputs]
    column_names = list(
        dict.fromkeys([label, *(name for spec in groups for name in spec.sources), *([weight] if weight else [])])
    )
    others = [column.name for reference in references.values() for column in reference.predictor.signature.inputs]
    sketch = RowSketch(rows.schema, label=label, inputs=inputs)
    columns = list(dict.fromkeys([*column_names, *inputs, *model.needs, *others, *watched, *sketch.columns]))
    digest = DigestOfTestData(label=label, inputs=inputs)
    recorders = {
        name: Recorder(reference.predictor, reference.name) for name, reference in {"": model, **references}.items()
    }
    parts: list[pa.Table] = []
    hashes: list[Hashes] = []
    answered: list[NDArray[np.bool_]] = []
    first_unanswered: int | None = None
    done = unlabelled = 0
    dependence: BatchDependence | None = None
    with ThreadPoolExecutor(1, "seatrial-look") as beside:
        for table in rows.tables(columns):
            looked = [beside.submit(watcher.see, table) for watcher in (sketch, *watchers)]
            labelled = has_label(table.column(label))
            labelled_rows = table if labelled.all() else table.filter(pa.array(labelled))
            if labelled_rows.num_rows:
                looked.append(beside.submit(digest.add, labelled_rows))
                predictions = model.predictor.predict(labelled_rows)
                if not answered:  # the first rows tell as well as all
                    elsewhere = model.otherwise or {}
                    dependence = find_batch_dependence(model.predictor, labelled_rows, predictions, otherwise=elsewhere)
                is_answered = _given(predictions, labelled_rows.num_rows)
                answered.append(is_answered)
                if not is_answered.all():
                    if first_unanswered is None:
                        first_unanswered = done + int(np.flatnonzero(labelled)[np.argmin(is_answered)])
                    labelled_rows, predictions = (
                        labelled_rows.filter(pa.array(is_answered)),
                        _of_rows(predictions, is_answered),
                    )
                looked.append(beside.submit(lambda part: hashes.append(row_hashes(part, inputs)), labelled_rows))
                recorders[""].add(predictions, labelled_rows.num_rows)
                for name, reference in references.items():
                    recorders[name].add(reference.predictor.predict(labelled_rows), labelled_rows.num_rows)
                parts.append(
                    pa.Table.from_arrays(
                        [_compact(labelled_rows.column(name)) for name in column_names], names=column_names
                    )
                )
            for one_look in looked:  # before the next table: no more than one waits
                one_look.result()
            done += table.num_rows
            unlabelled += int((~labelled).sum())
            on_progress(done)
    if not parts:
        raise InputError("all rows lack a label.", path=rows.origin, hint=f"Name another column: {field('label')}.")
    is_answered = np.concatenate(answered)
    if not is_answered.any():
        raise InputError(
            f"the model does not answer any of {len(is_answered):,} rows.",
            path=model.name,
            hint="A missing value is the usual cause: fill it, or leave such rows out.",
        )
    whole = with_groups(pa.concat_tables(parts).unify_dictionaries().combine_chunks(), groups)
    whole = whole.append_column(POSITION, pa.array(np.arange(whole.num_rows)))
    cached = {name: recorder.recorded() for name, recorder in recorders.items()}
    test_data = TestData(digest.hexdigest(), len(is_answered), sketch.sketch())
    return ScoredRows(
        whole,
        test_data,
        np.concatenate(hashes),
        cached.pop(""),
        cached,
        unlabelled,
        is_answered,
        int((~is_answered).sum()),
        first_unanswered,
        dependence,
    )


def _given(predictions: Predictions, rows: int) -> NDArray[np.bool_]:
    """Which of the rows have an answer; all of them where the answers have no form, which is told elsewhere."""
    gone = predictions.unanswered if predictions.labels.shape == (rows,) else np.zeros(rows, bool)
    return ~gone


def _of_rows(predictions: Predictions, rows: NDArray[np.bool_]) -> Predictions:
    return Predictions(
        predictions.labels[rows],
        None if predictions.probabilities is None else predictions.probabilities[rows],
        None if predictions.interval is None else predictions.interval[rows],
    )


def _compact(values: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """Texts as codes of a dictionary, everything else as it is."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return (
            values.cast(kind.value_type).cast(pa.string()).dictionary_encode()
            if _is_text(kind.value_type)
            else (values.cast(kind.value_type))
        )
    return values.cast(pa.string()).dictionary_encode() if _is_text(kind) else values


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
