"""The raw files as one table, and that table in three parts."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from columns import CLASSES, DELIMITER, FORMAT, KEPT, LABEL, NUMBERS, TEXTS

from seatrial import StoredFiles

MISSING = ["", "NA", "N/A", "NULL", "null", "None", "NaN", "nan"]  # in a column of numbers
SHARES = {"train": 0.60, "validation": 0.75, "test": 1.0}  # where each part ends; the verdict needs rows most


def read(files: StoredFiles) -> pa.Table:
    """All rows that have a label: numbers as float64, the rest as texts."""
    table = pa.concat_tables([_typed(_read(files.read(key), key)) for key in files.keys])
    label = table.column(LABEL)
    known = pc.is_finite(label) if not CLASSES else pc.invert(pc.is_in(label, pa.array(["", "nan"])))
    return table.filter(known)


def split(table: pa.Table, *, seed: int) -> dict[str, pa.Table]:
    """By a hash of the features: rows that are alike are in one part, whatever else comes into the files."""
    features = table.select([*NUMBERS, *TEXTS]).to_pandas().assign(_seed=seed)
    share = pd.util.hash_pandas_object(features, index=False).to_numpy() / 2.0**64
    part = np.searchsorted(list(SHARES.values()), share, side="right")
    return {name: table.filter(pa.array(part == number)) for number, name in enumerate(SHARES)}


def _read(data: bytes, key: str) -> pa.Table:
    file = pa.input_stream(io.BytesIO(data), compression="gzip" if key.endswith(".gz") else None)
    if FORMAT == "parquet":
        return pyarrow.parquet.read_table(io.BytesIO(data))
    if FORMAT == "jsonl":
        return pyarrow.json.read_json(file)
    numbers = NUMBERS if CLASSES else [*NUMBERS, LABEL]
    texts = [name for name in dict.fromkeys([*TEXTS, *KEPT, LABEL]) if name not in numbers]
    return pyarrow.csv.read_csv(
        file,
        parse_options=pyarrow.csv.ParseOptions(delimiter=DELIMITER, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=[*numbers, *texts],
            column_types={**dict.fromkeys(numbers, pa.float64()), **dict.fromkeys(texts, pa.string())},
            null_values=MISSING,
            strings_can_be_null=False,
        ),
    )


def _typed(table: pa.Table) -> pa.Table:
    columns = {name: table.column(name).cast(pa.float64(), safe=False) for name in NUMBERS}
    for name in dict.fromkeys([*TEXTS, *KEPT, LABEL]):
        if name not in columns and (CLASSES or name != LABEL):
            columns[name] = table.column(name).cast(pa.string()).fill_null("")
    return pa.table(columns if CLASSES else {**columns, LABEL: table.column(LABEL).cast(pa.float64(), safe=False)})
