"""One pass over bounded tables keeps what measuring needs: the same as from one table, and never the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.answers.cached_predictions import POSITION
from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.rows import Rows
from seatrial.trial.batch_dependence import BATCH
from seatrial.trial.scoring import ScoredModel, ScoredRows, score
from seatrial.verdicts.digest import test_digest as digest_of

GROUPS = parse_groups(("sex", "age:30,50", "sex*age:40"))[:2]


OLDER = Signature((Column("age", "number"),), "binary", ("no", "yes"), "yes", 0.5)


@dataclass
class Older:
    """Says yes with a hundredth of the age, and remembers how many rows it was given at once."""

    signature: Signature = OLDER
    given: list[int] = field(default_factory=list)

    def predict(self, rows: pa.Table) -> Predictions:
        self.given.append(rows.num_rows)
        yes = rows.column("age").to_numpy() / 100
        return Predictions(np.where(yes >= 0.5, "yes", "no").astype(object), np.column_stack([1 - yes, yes]))


def in_tables(table: pa.Table, rows: int) -> Rows:
    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        for start in range(0, table.num_rows, rows):
            yield table.slice(start, rows).select(list(columns))

    return Rows("here", table.schema, table.num_rows, read)


def scored(table: pa.Table, rows: int, model: Older | None = None) -> ScoredRows:
    return score(in_tables(table, rows), ScoredModel("older", model or Older()), label="rich", groups=GROUPS)


def test_many_tables_come_to_the_same_as_one(people: pa.Table) -> None:
    one, many = scored(people, 10_000), scored(people, 7)
    assert many.test_data.digest == one.test_data.digest == digest_of(people, label="rich", inputs=["age"])
    assert many.table.to_pylist() == one.table.to_pylist()
    assert many.predictions.digest(many.row_hashes) == one.predictions.digest(one.row_hashes)


def test_the_model_never_sees_more_than_a_table(people: pa.Table) -> None:
    model = Older()
    scored(people, 50, model)
    assert max(model.given) == 50


def test_label_groups_and_places_are_kept_and_no_input(people: pa.Table) -> None:
    wide = people.append_column("note", pa.array(["x" * 100] * people.num_rows))
    kept = scored(wide, 100).table
    assert kept.column_names == ["rich", "sex", "age", "group:age", POSITION]
    assert kept.nbytes < 40 * kept.num_rows


def test_rows_without_a_label_are_neither_asked_nor_kept(people: pa.Table) -> None:
    labels = [name if row % 3 else None for row, name in enumerate(people.column("rich").to_pylist())]
    some = people.set_column(3, "rich", pa.array(labels, pa.string()))
    model = Older()
    found = scored(some, 100, model)
    known = people.filter(pa.array([row % 3 != 0 for row in range(people.num_rows)]))
    assert found.unlabelled == people.num_rows - known.num_rows
    asked = sum(rows for rows in model.given if rows > BATCH)  # fewer are asked again, in other company
    assert asked == known.num_rows == found.table.num_rows
    assert found.test_data.digest == digest_of(known, label="rich", inputs=["age"])


def test_references_are_asked_for_the_same_rows(people: pa.Table) -> None:
    other = Older()
    found = score(
        in_tables(people, 100),
        ScoredModel("a", Older()),
        label="rich",
        references={"other": ScoredModel("other", other)},
    )
    assert sum(other.given) == people.num_rows
    assert found.references["other"].digest(found.row_hashes) == found.predictions.digest(found.row_hashes)


def test_progress_ends_with_all_rows(people: pa.Table) -> None:
    told: list[int] = []
    score(in_tables(people, 250), ScoredModel("a", Older()), label="rich", on_progress=told.append)
    assert told == [250, 500, 600]


def test_what_a_watcher_finds_wrong_stops_the_pass(people: pa.Table) -> None:
    class Watcher:
        def see(self, table: pa.Table) -> None:
            raise InputError("that is no table.")

    with pytest.raises(InputError, match="that is no table"):
        score(in_tables(people, 100), ScoredModel("a", Older()), label="rich", watchers=(Watcher(),))
