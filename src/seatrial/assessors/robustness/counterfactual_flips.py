"""Counterfactual flips: whose answer changes when a group column that the model takes in has another value.

Every other input stays as it is (Kusner, Loftus, Russell & Silva 2017, "Counterfactual fairness", call this fairness
only where no other input follows from the group; it is the part of it that can be measured without a causal model). A
flip rate of 0 is no proof of fairness: a model may know the group from other columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import dependence, unmeasured
from seatrial.assessors.contingency.group_specs import MISSING, texts
from seatrial.assessors.contingency.grouping import Grouping
from seatrial.assessors.quantities.means import shares
from seatrial.assessors.quantities.slices import Quantity, over_slices
from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.models.predictor import Predictor
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

METRIC = "counterfactual_flip_rate"
MOST_VALUES = 100  # of a column: each is a thousand rows to answer

Mask = NDArray[np.bool_]


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,  # noqa: ARG001 - the Assessor contract; nothing is drawn here, the sample was before
    budget_s: float,
) -> Iterator[Evidence | NotMeasured]:
    """The share of flips overall, over all group columns, and by each grouping over its own; exact bounds."""
    selected = [claim for claim in claims if claim.metric == METRIC]
    under = subject.under_attack
    if under is None:
        yield from (unmeasured(claim, "it needs the model and its inputs, not its answers alone") for claim in selected)
        return
    changed = _changed(subject.groups, {column.name for column in under.predictor.signature.inputs})
    own = [Claim(METRIC), *(Claim(METRIC, Family.GROUPS, name) for name in changed)] if changed else []
    if subject.task == "regression":
        own = []
    flips = _Flips(under, subject.tables, until=monotonic() + budget_s)
    measured = replace(subject, tables={**subject.tables, subject.measured: under.rows})
    for claim in dict.fromkeys([*selected, *own]):
        columns = changed.get(claim.column, ()) if claim.column else tuple(dict.fromkeys(chain(*changed.values())))
        mask = _why_not(subject, claim, columns) or flips.of(columns)
        if isinstance(mask, Unmeasurable):
            yield unmeasured(claim, mask.reason)
            continue

        def flipped(_claim: Claim, groups: Grouping, mask: Mask = mask) -> Quantity | Unmeasurable:
            rows = np.bincount(groups.codes, minlength=len(groups.names))
            return shares(np.bincount(groups.codes[mask], minlength=len(groups.names)), rows, groups.names, "rows")

        parameters = {
            "weights": "unweighted",
            "changed": ", ".join(columns),
            "sample": f"{under.rows.num_rows} of {under.of_rows} rows",
        }
        yield from over_slices(
            measured, [claim], flipped, confidence=confidence, flags=dependence(measured), parameters=parameters
        )


def _changed(groups: Sequence[str], inputs: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The columns of each grouping that the model takes in; groupings without any are left out."""
    parts = {name: [name] if name in inputs else name.split("*") for name in groups}
    input_parts = {name: tuple(part for part in each if part in inputs) for name, each in parts.items()}
    return {name: columns for name, columns in input_parts.items() if columns}


def _why_not(subject: Subject, claim: Claim, columns: Sequence[str]) -> Unmeasurable | None:
    if subject.task == "regression":
        return Unmeasurable("a regression answers with a number, which hardly stays the same")
    if claim.threat is not None or claim.against is not None or claim.of_class is not None:
        return Unmeasurable("it is about the model's answers, whichever they are")
    if columns:
        return None
    return Unmeasurable("no group column is an input" if claim.column is None else f"the model takes no {claim.column}")


class _Flips:
    """Which rows flip when a column is changed, asked of the model once a column."""

    def __init__(self, under: UnderAttack, tables: Mapping[str, pa.Table], *, until: float) -> None:
        self._rows, self._predictor, self._until = under.rows, under.predictor, until
        self._tables = [under.rows, *([] if under.seen is None else [under.seen]), *tables.values()]
        self._known: dict[str, Mask | Unmeasurable] = {}
        self._said: NDArray[Any] | None = None

    def of(self, columns: Sequence[str]) -> Mask | Unmeasurable:
        """Rows whose answer changes with any of the columns, one of them at a time."""
        if self._rows.num_rows == 0:
            return Unmeasurable("there are no rows to ask about")
        together = np.zeros(self._rows.num_rows, dtype=bool)
        for column in columns:
            if column not in self._known:
                self._known[column] = self._column(column)
            mask = self._known[column]
            if isinstance(mask, Unmeasurable):
                return mask
            together |= mask
        return together

    def _column(self, column: str) -> Mask | Unmeasurable:
        values = _values(column, self._rows, self._tables)
        if len(values) < 2:
            return Unmeasurable(f'column "{column}" has no other value to change to')
        if len(values) > MOST_VALUES:
            return Unmeasurable(f'column "{column}" has {len(values)} values, more than {MOST_VALUES}')
        if self._said is None:
            self._said = _answers(self._predictor, self._rows)
        flipped = np.zeros(self._rows.num_rows, dtype=bool)
        place = self._rows.column_names.index(column)
        own = np.asarray(texts(self._rows.column(column)).to_numpy(zero_copy_only=False))
        for name, value in values.items():
            if monotonic() > self._until:
                return Unmeasurable(f'the time for it was spent before column "{column}" was changed to every value')
            # A row that has this value keeps its answer, and one flip is enough.
            places = np.flatnonzero(~flipped & (own != name))
            if places.size:
                rows = self._rows.take(places)
                answers = _answers(self._predictor, rows.set_column(place, column, pa.repeat(value, rows.num_rows)))
                flipped[places] = answers != self._said[places]
        return flipped


def _values(column: str, rows: pa.Table, tables: Sequence[pa.Table]) -> dict[str, Any]:
    """The different values of a column anywhere, as the rows have them, by name; a missing value is not a group."""
    kind = rows.column(column).type
    kind = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    values_by_name: dict[str, Any] = {}
    for table in tables:
        if column in table.column_names:
            values: Any = pc.unique(table.column(column))
            names = texts(pa.chunked_array([values])).to_pylist()
            values_by_name |= {str(name): value.cast(kind) for name, value in zip(names, _scalars(values), strict=True)}
    values_by_name.pop(MISSING, None)
    return values_by_name


def _scalars(values: Any) -> Iterator[Any]:
    plain = values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values
    yield from plain


def _answers(predictor: Predictor, rows: pa.Table) -> NDArray[Any]:
    return np.asarray(predictor.predict(rows).labels).astype(str)
