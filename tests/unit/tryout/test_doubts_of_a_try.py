"""What a try says of its data, from the files to the notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

import seatrial


def older_are_rich(frame: pa.Table) -> list[str]:
    return ["yes" if age > 44 else "no" for age in frame["age"].to_numpy()]


def test_rows_that_a_training_file_has_too_are_found_whatever_its_numbers_look_like(
    people: pa.Table, tmp_path: Path
) -> None:
    picked = people.select(["age", "hours", "sex", "rich"])
    shared = picked.slice(0, 150)
    fractions = pa.array(np.full(picked.num_rows, 44.5))
    known = shared.set_column(0, "age", shared["age"].cast(pa.float64()))
    train = tmp_path / "train.csv"
    pyarrow.csv.write_csv(pa.concat_tables([known, picked.set_column(0, "age", fractions)]), train)
    found = seatrial.assess(older_are_rich, picked, label="rich", train=train)
    [note] = [note for note in found.notes if note.kind == "overlap"]
    rows, there = (table.to_pylist() for table in (picked, shared))
    assert note.text.startswith(f"{sum(row in there for row in rows)} of 600 rows")
