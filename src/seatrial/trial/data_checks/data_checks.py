"""What is to be said plainly about the data beside a verdict: found in one pass, in bounded memory.

A note stops nothing and gates nothing: what makes measuring impossible is an error elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from seatrial.assessors.assessor import DataFacts
from seatrial.assessors.contingency.group_specs import GroupSpec, texts, with_groups
from seatrial.errors import InputError, field
from seatrial.models.signature import Task
from seatrial.trial.data_checks.column_checks import (
    LEAST_ROWS,
    MOST_VALUES,
    NEARLY_ALL,
    ColumnChecks,
    Separation,
    Together,
)
from seatrial.trial.data_checks.hash_sample import HashSample
from seatrial.trial.data_checks.label_checks import LabelChecks, share
from seatrial.trial.data_checks.near_cells import NearCells
from seatrial.trial.data_checks.near_copies import AlteredRows, NearCopies
from seatrial.trial.data_checks.note import Note
from seatrial.trial.data_checks.row_times import RowTimes
from seatrial.trial.data_checks.spellings import spelling_notes
from seatrial.trial.data_checks.value_hashes import Values, combine_hashes, hash_column, is_number, stored_type
from seatrial.trial.label_column import has_label
from seatrial.trial.test_uses.row_sketch import canonical_hashes, is_vector

KINDS = (
    "inverted",
    "unanswered",
    "ties",
    "unlabelled",
    "one_class",
    "label_type",
    "spelling",
    "overlap",
    "duplicates",
    "leak",
    "identifier",
    "constant",
    "unknown_values",
    "tiny_group",
)
ROWS_REMEMBERED = 2**20  # hashes of rows, 16 bytes each: exact up to here, a sample of them after
TINY_GROUP = 30  # rows: even with all of them right, an exact 95 % interval of accuracy begins below 0.9
_ON_A_LINE = 0.9999  # |r|: no honest column explains 99.98 % of a label's variance
_EXAMPLES = 3


class DataChecks:
    """Sees the rows that are measured, and those of a training set if there is one; says what is doubtful.

    `inputs` are the model's columns; `vocabularies` the texts that it knows, by column, where its package tells; `time`
    is the column that says when a row was, where the policy names one.
    """

    def __init__(
        self,
        schema: pa.Schema,
        *,
        label: str,
        task: Task,
        inputs: Sequence[str],
        groups: Sequence[GroupSpec] = (),
        vocabularies: Mapping[str, Collection[str]] | None = None,
        time: str | None = None,
    ) -> None:
        self._label, self._task, self._groups = label, task, tuple(groups)
        self._inputs = [name for name in inputs if not pa.types.is_nested(schema.field(name).type)]
        self._vectors = [name for name in inputs if is_vector(schema.field(name).type)]
        self._texts = {name: not is_number(stored_type(schema.field(name).type)) for name in (*self._inputs, label)}
        self._vocabularies = {name: set(values) for name, values in (vocabularies or {}).items()}
        self._columns = {
            name: ColumnChecks(identifiers=_may_identify(stored_type(schema.field(name).type)), foretells=True)
            for name in self._inputs
        }
        numbers = [name for name in self._inputs if not self._texts[name]]
        self._apart = {name: Separation() for name in numbers} if task != "regression" else {}
        measured = task == "regression" and not self._texts[label]
        self._lines = {name: Together() for name in numbers} if measured else {}
        self._rows = self._labelled = 0
        self._labels = LabelChecks(label, task, text=self._texts[label])
        self._test, self._train = HashSample(ROWS_REMEMBERED), HashSample(ROWS_REMEMBERED)
        self._near = NearCopies(sorted(self._inputs) if not self._vectors else (), time=time)
        wide = [name for name in numbers if not pa.types.is_boolean(stored_type(schema.field(name).type))]
        self._near_cells = NearCells(sorted(self._inputs) if not self._vectors else (), sorted(wide))
        self._times = None if time is None else RowTimes(time)
        self._train_rows = 0
        self._trained: dict[str, set[str] | None] = {name: set() for name in self._inputs if self._texts[name]}
        self._group_rows: dict[str, dict[str, int]] = {spec.name: {} for spec in groups}

    @property
    def columns(self) -> tuple[str, ...]:
        """What it needs to see of the rows that are measured."""
        sources = (name for spec in self._groups for name in spec.sources)
        return tuple(dict.fromkeys((*self.train_columns, *sources)))

    @property
    def train_columns(self) -> tuple[str, ...]:
        """What it needs to see of a training set."""
        time = () if self._times is None else (self._times.column,)
        return tuple(dict.fromkeys((self._label, *self._inputs, *self._vectors, *time)))

    def see(self, table: pa.Table) -> None:
        """Takes the next rows that are measured; rows without a label are counted, and otherwise left out."""
        labelled = has_label(table.column(self._label))
        self._rows += table.num_rows
        table = table.filter(labelled)
        self._labelled += table.num_rows
        if table.num_rows == 0:
            return
        label = hash_column(table.column(self._label))
        codes = self._labels.see(table.column(self._label))
        hashes = {name: hash_column(table.column(name)) for name in self._inputs}
        for name, values in hashes.items():
            self._columns[name].see(values, label.hashes)
        if codes is not None:
            for name, separation in self._apart.items():
                separation.see(_numbers(table.column(name)), codes)
        if self._lines:
            numbers = _numbers(table.column(self._label))
            for name, line in self._lines.items():
                line.see(_numbers(table.column(name)), numbers)
        self._test.add(self._row_hashes(table, hashes, label))
        if self._train_rows:
            near = {name: values.near for name, values in hashes.items()}
            self._near.see(near)
            self._near_cells.see(table, near)
        if self._times is not None:
            self._times.see(table)
        self._count_groups(table)

    def see_train(self, table: pa.Table) -> None:
        """Takes the next rows of the training set. A column that is text there and a number here is an `InputError`."""
        for name in (self._label, *self._inputs):
            if is_number(stored_type(table.schema.field(name).type)) == self._texts[name]:
                here, there = ("text", "a number") if self._texts[name] else ("a number", "text")
                raise InputError(
                    f"column {name!r} is {there} in the training set, and {here} in the rows that are measured.",
                    path=field("train"),
                    hint="Write both with the same types.",
                )
        self._train_rows += table.num_rows
        if table.num_rows == 0:
            return
        hashes = {name: hash_column(table.column(name)) for name in self._inputs}
        self._train.add(self._row_hashes(table, hashes, hash_column(table.column(self._label))))
        near = {name: values.near for name, values in hashes.items()}
        self._near.see_train(near)
        self._near_cells.see_train(table, near)
        if self._times is not None:
            self._times.see_train(table)
        for name, trained_texts in self._trained.items():
            texts = hashes[name].texts
            if trained_texts is None or texts is None or len(texts) > MOST_VALUES:
                self._trained[name] = None
                continue
            trained_texts.update(str(text) for text in texts.to_pylist())
            self._trained[name] = trained_texts if len(trained_texts) <= MOST_VALUES else None

    def notes(self) -> tuple[Note, ...]:
        """What there is to say, the gravest first (in the order of `KINDS`)."""
        notes = [
            *self._labels.notes(rows=self._rows, labelled=self._labelled),
            *self._about_rows(),
            *self._about_constants(),
            *(note for name in self._inputs for note in self._about_column(name)),
            *self._about_groups(),
        ]
        return tuple(sorted(notes, key=lambda note: KINDS.index(note.kind)))

    def facts(self) -> DataFacts:
        """What claims about the data rest on."""
        unknown = {name: sum(rows.values()) for name in self._inputs if (rows := self._unknown(name)[0]) is not None}
        samples = (self._test, self._train) if self._train_rows else (self._test,)
        altered = self._altered()
        return DataFacts(
            rows=self._labelled,
            overlap=self._copies_of_train() + (altered.rows if altered else 0) if self._train_rows else None,
            unknown=unknown or None,
            unlabelled=self._rows - self._labelled,
            copies=min(self._test.repeated(), self._labelled),
            exact=all(sample.exact for sample in samples) and (altered is None or altered.exact),
        )

    def _copies_of_train(self) -> int:
        return min(self._test.rows_in(self._train), self._labelled)

    def _altered(self) -> AlteredRows | None:
        """Rows of the training set with some columns altered, beside its copies."""
        if not self._train_rows:
            return None
        copies = self._copies_of_train()
        later = self._times is not None and self._times.later
        altered = self._near.altered(copies=copies, rows=self._labelled, later=later)
        if not later:
            digits = self._near_cells.rows(copies=copies, rows=self._labelled)
            if digits.rows > (altered.rows if altered else 0):
                altered = AlteredRows(digits.rows, (), digits=True, exact=digits.exact)
        return None if altered is None else replace(altered, rows=min(altered.rows, self._labelled - copies))

    def _row_hashes(self, table: pa.Table, hashes: Mapping[str, Values], label: Values) -> NDArray[np.uint64]:
        vectors = [canonical_hashes(table.column(name)) for name in sorted(self._vectors)]
        return combine_hashes([label.near, *(hashes[name].near for name in sorted(self._inputs)), *vectors])

    def _count_groups(self, table: pa.Table) -> None:
        sources = list(dict.fromkeys(name for spec in self._groups for name in spec.sources))
        grouped = with_groups(table.select(sources), self._groups) if sources else table
        for spec in self._groups:
            column = grouped.column(spec.column)
            counted: Any = pc.value_counts(texts(column).combine_chunks())
            if len(counted) > MOST_VALUES:
                continue
            rows = self._group_rows[spec.name]
            for count in counted.to_pylist():
                rows[str(count["values"])] = rows.get(str(count["values"]), 0) + count["counts"]

    def _about_rows(self) -> Iterator[Note]:
        copies = min(self._test.repeated(), self._labelled)
        if copies:
            yield Note(
                "duplicates",
                None,
                f"{_about(self._test)}{copies:,} of {self._labelled:,} rows ({share(copies, self._labelled)}) are "
                "copies of another one, in every input and the label.",
                "Drop them if one case stands there twice: bounds take rows for independent.",
            )
        if not self._train_rows:
            return
        shared, altered = self._copies_of_train(), self._altered()
        if altered:
            yield Note(
                "overlap",
                None,
                f"about {altered.rows:,} of {self._labelled:,} rows ({share(altered.rows, self._labelled)}) are rows "
                f"of the training set but for {_but_for(altered, self._label)}.",
                "Take them out: a model may remember what it was trained on. Where they are the same people at a later "
                'time, name its column in the policy (time = "…").',
            )
        if shared:
            yield Note(
                "overlap",
                None,
                f"{_about(self._test, self._train)}{shared:,} of {self._labelled:,} rows "
                f"({share(shared, self._labelled)}) are in the training set too, in every input and the label.",
                "Take them out: a model may remember what it was trained on.",
            )

    def _about_constants(self) -> Iterator[Note]:
        """Of each constant column; in one line where there are many: of MNIST's 784 pixels, 157."""
        constant = [name for name in self._inputs if self._columns[name].constant]
        if len(constant) <= _EXAMPLES:
            for name in constant:
                text = f"{name} has the same value in every row: what the model does with another is not measured."
                yield Note("constant", name, text)
            return
        some = ", ".join(constant[:_EXAMPLES])
        yield Note(
            "constant",
            None,
            f"{len(constant)} of {len(self._inputs)} inputs ({some} …) have the same value in every row: what the "
            "model does with another is not measured.",
        )

    def _about_column(self, name: str) -> Iterator[Note]:
        column = self._columns[name]
        if column.own_values >= NEARLY_ALL:
            yield Note(
                "identifier",
                name,
                f"{name} has a value of its own in {column.own_values:.0%} of the rows, and the model takes it: it "
                "looks like a name or a number in a file.",
                "A model that learned it by heart is right only on rows it knows.",
            )
        if self._foretells(name):
            yield Note(
                "leak",
                name,
                f"{name} alone tells the {self._label} of every row: it may hold the answer, or what was written "
                "after it was known.",
                "Ask when this column is filled, and whether it will be there when the model is asked.",
            )
        yield from self._about_unknown(name)

    def _foretells(self, name: str) -> bool:
        if self._labelled < LEAST_ROWS or not self._labels.foretold_by_more_than_chance(self._labelled):
            return False
        line, separation = self._lines.get(name), self._apart.get(name)
        return (
            self._columns[name].foretells
            or (line is not None and abs(line.correlation()) >= _ON_A_LINE)
            or (
                separation is not None
                and self._labels.counts is not None
                and separation.apart(len(self._labels.counts))
            )
        )

    def _unknown(self, name: str) -> tuple[Mapping[str, int] | None, str]:
        """Rows by text that is unknown, None where it cannot be told; and who does not know it."""
        texts = self._columns[name].texts
        vocabulary = self._vocabularies.get(name)
        where = "the model was not trained on"
        if vocabulary is None and self._train_rows:
            vocabulary, where = self._trained.get(name), "the training set does not have"
        if texts is None or vocabulary is None:
            return None, where
        return {text: rows for text, rows in texts.items() if text not in vocabulary}, where

    def _about_unknown(self, name: str) -> Iterator[Note]:
        unknown, where = self._unknown(name)
        if unknown:
            rows = sum(unknown.values())
            common = sorted(unknown, key=lambda text: (-unknown[text], text))[:_EXAMPLES]
            more = f" and {len(unknown) - _EXAMPLES:,} more" if len(unknown) > _EXAMPLES else ""
            yield Note(
                "unknown_values",
                name,
                f"{rows:,} {'row has' if rows == 1 else 'rows have'} a {name} that {where} "
                f"({share(rows, self._labelled)}): {', '.join(repr(text) for text in common)}{more}.",
                "Check the spelling; predictions for unseen values are arbitrary.",
            )

    def _about_groups(self) -> Iterator[Note]:
        for name, rows in self._group_rows.items():
            yield from spelling_notes(name, rows, what="groups")
            tiny = sorted((count, group) for group, count in rows.items() if count < TINY_GROUP)
            if tiny:
                shown = ", ".join(f"{group} ({count})" for count, group in tiny[:_EXAMPLES])
                more = f" and {len(tiny) - _EXAMPLES} more" if len(tiny) > _EXAMPLES else ""
                yield Note(
                    "tiny_group",
                    name,
                    f"{name} has groups with fewer than {TINY_GROUP} rows: {shown}{more}. Their bounds are wide, and "
                    "so are those of every comparison with them.",
                    "Gather more rows of them, or put them together with others.",
                )


def _may_identify(kind: pa.DataType) -> bool:
    """Fractions have values of their own by nature."""
    return bool(not is_number(kind) or pa.types.is_integer(kind))


def _numbers(column: pa.ChunkedArray[Any]) -> NDArray[np.float64]:
    values = column.cast(stored_type(column.type))
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    numbers: NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _but_for(altered: AlteredRows, label: str) -> str:
    """The columns that were left out when rows were compared; the label always was."""
    columns = altered.columns
    if altered.digits:
        return f"the last digits of numbers and {label}"
    some = ", ".join(columns[:_EXAMPLES]) + (
        f" and {len(columns) - _EXAMPLES} more" if len(columns) > _EXAMPLES else ""
    )
    return f"some of {some} and {label}" if columns else label


def _about(*samples: HashSample) -> str:
    return "" if all(sample.exact for sample in samples) else "about "
