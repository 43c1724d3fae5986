"""What the label column makes doubtful, found as its values pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import field
from seatrial.models.signature import Task
from seatrial.trial.data_checks.column_checks import MOST_VALUES
from seatrial.trial.data_checks.note import Note
from seatrial.trial.data_checks.spellings import spelling_notes
from seatrial.trial.data_checks.value_hashes import stored_type
from seatrial.trial.label_column import MOST_CLASSES

_LEAST_OTHERS = 10  # rows outside the largest class: fewer are foretold by chance


class LabelChecks:
    """The labels' values. `counts`: how many rows have each, None where there are more than `MOST_VALUES`."""

    def __init__(self, name: str, task: Task, *, text: bool) -> None:
        self.counts: dict[str, int] | None = {}
        self._name, self._task, self._text = name, task, text
        self._fractions = False

    def see(self, column: pa.ChunkedArray[Any]) -> NDArray[np.int64] | None:
        """Takes the next labels, none of them missing; their codes, None once there are too many for classes."""
        if self.counts is None:
            return None
        encoded: Any = column.cast(stored_type(column.type)).combine_chunks().dictionary_encode()
        if len(encoded.dictionary) > MOST_VALUES:
            self.counts = None
            return None
        if pa.types.is_floating(encoded.dictionary.type):
            self._fractions = self._fractions or bool((np.mod(encoded.dictionary.to_numpy(), 1) != 0).any())
        positions = encoded.indices.to_numpy()
        names = [str(name) for name in encoded.dictionary.to_pylist()]
        for name, count in zip(names, np.bincount(positions, minlength=len(names)).tolist(), strict=True):
            self.counts[name] = self.counts.get(name, 0) + count
        order = {name: place for place, name in enumerate(self.counts)}  # of their first coming, so it stays
        if len(order) > MOST_VALUES:
            self.counts = None
        return np.array([order[name] for name in names], np.int64)[positions] if len(order) <= MOST_CLASSES else None

    def foretold_by_more_than_chance(self, rows: int) -> bool:
        """Whether a column that goes with the label everywhere says something: there are rows of several classes."""
        if self.counts is None:
            return self._task == "regression"
        return len(self.counts) > 1 and rows - max(self.counts.values()) >= _LEAST_OTHERS

    def notes(self, *, rows: int, labelled: int) -> Iterator[Note]:
        """What there is to say; `labelled` of all `rows` have a label."""
        name, missing = self._name, rows - labelled
        if missing:
            yield Note(
                "unlabelled",
                name,
                f"{missing:,} of {rows:,} rows ({share(missing, rows)}) have no {name}: they are left out, so the "
                "verdict is about the others.",
                "Find out why the labels are missing: rows whose label is hard to get are often hard for a model too.",
            )
        if not labelled:
            return
        if self.counts is not None and len(self.counts) == 1:
            yield Note(
                "one_class",
                name,
                f"every row has the {name} {next(iter(self.counts))}: nothing tells a model that knows the difference "
                "from one that always answers so.",
                "Measure on rows with every class.",
            )
        if self._text and self._task != "regression":
            yield from spelling_notes(name, self.counts or (), what="classes")
        yield from self._about_its_type()

    def _about_its_type(self) -> Iterator[Note]:
        name = self._name
        if self._task != "regression" and (self._fractions or self.counts is None or len(self.counts) > MOST_CLASSES):
            count = f"more than {MOST_VALUES:,}" if self.counts is None else f"{len(self.counts):,}"
            what = "with fractions" if self._fractions else "which is many for classes"
            yield Note(
                "label_type",
                name,
                f"{name} has {count} different values, {what}: it looks like an amount, and the model's task is "
                f"{self._task}.",
                f"Name the column with the classes, or write {field('task', 'regression')}.",
            )
        if self._task == "regression" and self._text:
            yield Note("label_type", name, f"{name} holds texts, and the model's task is regression.", "Cast it.")
        elif self._task == "regression" and self.counts is not None and len(self.counts) == 2:
            yield Note(
                "label_type",
                name,
                f"{name} has only the values {' and '.join(sorted(self.counts))}: two classes, measured as amounts.",
                f"Is it {field('task', 'binary')}?",
            )


def share(part: int, whole: int) -> str:
    """A part of the whole in per cent, to one digit."""
    return f"{part / whole:.1%}" if part * 1000 >= whole else "less than 0.1%"
