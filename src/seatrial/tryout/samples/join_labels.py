"""Labels that came later, put beside the sampled rows that they belong to: by the request's id and the row in it.

Nothing is guessed: where two rows or two labels claim the same place and differ, none of them counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.serve.sampling.sampled_row import RELEASE, REQUEST_ID, ROW, TIME
from seatrial.trial.label_column import has_label
from seatrial.trial.test_uses.row_sketch import row_hashes

LABELS = "--labels"
_BETWEEN = "\x1f"  # an id and a row; of ids by HTTP it is no character, and a row is a number


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Sampled rows with their labels, null where there is none that can be used, and what did not fit together."""

    table: pa.Table
    labelled: int
    repeated_rows: int  # the same row sampled again, word for word: counted once
    contested_rows: int  # rows of one id and place that differ: without a label
    repeated_labels: int
    contested_labels: int  # places with labels that differ: without a label
    unknown_labels: int  # of places that were not sampled
    unusable_labels: int  # without an id, a row or a label


def join_labels(samples: pa.Table, labels: Iterable[pa.Table], *, label: str, beside: Sequence[str] = ()) -> JoinedRows:
    """The rows of `samples`, each with its `label` and the columns `beside` of the labels' tables, or null.

    These have `request_id`, a text, and `row`, a whole number; of them only what belongs to a sampled row is held.
    """
    rows, repeated_rows, contested = _once(samples, [name for name in samples.column_names if name not in _OF_REQUEST])
    keys = _keys(rows)
    parts: list[pa.Table] = []
    unknown = unusable = 0
    for table in labels:
        placed = pc.and_(pc.is_valid(table[REQUEST_ID]), pc.is_valid(table[ROW]))
        usable = table.filter(pc.and_(placed, pa.array(has_label(table[label]))))
        belongs = pc.is_in(_keys(usable), value_set=keys)
        parts.append(usable.filter(belongs))
        unusable += table.num_rows - usable.num_rows
        unknown += usable.num_rows - parts[-1].num_rows
    if not parts:
        raise InputError("there are no labels.", path=LABELS, hint="Name a table with request_id, row and the label.")
    told, repeated_labels, contested_labels = _once(
        pa.concat_tables(parts, promote_options="permissive").unify_dictionaries(), [label, *beside]
    )
    clear = told.filter(pa.array(~contested_labels))
    places = pc.index_in(keys, value_set=_keys(clear))
    places = pc.if_else(pa.array(contested), pa.scalar(None, pa.int32()), places)
    for name in (label, *beside):
        rows = rows.append_column(name, clear[name].combine_chunks().take(places))
    return JoinedRows(
        rows,
        labelled=len(places) - places.null_count,
        repeated_rows=repeated_rows,
        contested_rows=int(contested.sum()),
        repeated_labels=repeated_labels,
        contested_labels=len(pc.unique(_keys(told.filter(pa.array(contested_labels))))),
        unknown_labels=unknown,
        unusable_labels=unusable,
    )


_OF_REQUEST = (REQUEST_ID, ROW, TIME, RELEASE)  # what another time or server does not change in a row


def _keys(table: pa.Table) -> pa.Array[Any]:
    ids: Any = table[REQUEST_ID]
    keys: Any = pc.binary_join_element_wise(ids, pc.cast(table[ROW], pa.string()), _BETWEEN)
    joined: pa.Array[Any] = keys.combine_chunks()
    return joined


def _once(table: pa.Table, columns: Sequence[str]) -> tuple[pa.Table, int, NDArray[np.bool_]]:
    """The table without rows that repeat another of their place in `columns`; how many; which rows are contested."""
    if not table.num_rows:
        return table, 0, np.zeros(0, np.bool_)
    content = row_hashes(table, columns)
    codes = _keys(table).dictionary_encode().indices.to_numpy()
    order = np.lexsort((np.arange(len(codes)), content, codes))
    same_place = np.append(False, codes[order][1:] == codes[order][:-1])
    same = same_place & np.append(False, content[order][1:] == content[order][:-1])
    kept = np.sort(order[~same])
    places = codes[kept]
    contested = np.bincount(places, minlength=int(codes.max()) + 1)[places] > 1
    return table.take(pa.array(kept)), int(same.sum()), contested
