"""Makes what `seatrial try --example` tries: a small census model, and the table it is tried on. Same bytes each time.

The data is UCI Adult (Becker & Kohavi 1996, CC BY 4.0), fetched as the census example fetches it. The model is trained
on `adult.data` without `sex` and `race`, the table is a sample of `adult.test` with them. Needs scikit-learn and
skl2onnx.

    python examples/try/make.py
"""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "census"))

NUMBERS = ["age", "capital_gain", "capital_loss", "hours_per_week"]
TEXTS = ["workclass", "education", "marital_status", "occupation", "relationship", "native_country"]
GROUPS = ["race", "sex"]  # in the table, and not among the inputs of the model
COLUMNS = [
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship"),
    *("race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income"),
]
TEST_ROWS = 8000
SEED = 7
TREES, LEAVES, RATE = 60, 8, 0.2  # 37 KB of ONNX, within half a percent of what more trees reach
RAREST = 50  # a country with fewer people in it is "Other": the model has no column for it


def main() -> None:
    from fetch import fetch  # the neighbour's

    files = fetch()
    train, test = people(files["adult.data"]), people(files["adult.test"])
    names, counts = np.unique(train["native_country"], return_counts=True)
    kept = names[counts >= RAREST]
    for table in (train, test):
        table["native_country"] = np.where(np.isin(table["native_country"], kept), table["native_country"], "Other")
    (HERE / "census.onnx").write_bytes(model(train))
    rng = np.random.default_rng(SEED)
    chosen = np.sort(rng.choice(len(test["income"]), TEST_ROWS, replace=False))
    write({name: values[chosen] for name, values in test.items()}, HERE / "census.parquet")
    for name in ("census.onnx", "census.parquet"):
        print(f"{name}: {(HERE / name).stat().st_size:,} bytes")


def people(data: bytes) -> dict[str, NDArray[np.object_]]:
    """The columns that are used; "" for what is unknown."""
    lines = (line.rstrip(".") for line in data.decode().splitlines() if "," in line)
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)))]
    columns = dict(zip(COLUMNS, np.array(rows, object).T, strict=True))
    for values in columns.values():
        values[values == "?"] = ""
    kept = {name: columns[name] for name in (*NUMBERS, *TEXTS, *GROUPS, "income")}
    return {name: values.astype(float) if name in NUMBERS else values for name, values in kept.items()}


def model(train: dict[str, NDArray[np.object_]]) -> bytes:
    """Boosted trees behind the encoding of their texts, with the raw columns as named inputs."""
    import pandas as pd
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    inputs = [*NUMBERS, *TEXTS]
    encode = ColumnTransformer(
        [
            ("numbers", "passthrough", NUMBERS),
            ("texts", OneHotEncoder(handle_unknown="ignore", min_frequency=RAREST), TEXTS),
        ]
    )
    trees = GradientBoostingClassifier(n_estimators=TREES, max_leaf_nodes=LEAVES, learning_rate=RATE, random_state=SEED)
    fitted = make_pipeline(encode, trees).fit(pd.DataFrame({name: train[name] for name in inputs}), train["income"])
    types = [(name, FloatTensorType([None, 1]) if name in NUMBERS else StringTensorType([None, 1])) for name in inputs]
    exported = to_onnx(fitted, initial_types=types, options={"zipmap": False}, name="census")
    return bytes(exported.SerializeToString(deterministic=True))


def write(table: dict[str, NDArray[np.object_]], path: Path) -> None:
    columns: dict[str, pa.Array] = {}
    for name, values in table.items():
        if name in NUMBERS:
            columns[name] = pa.array(values.astype(np.int32))
        else:
            columns[name] = pa.array([value or None for value in values], pa.string())
    pyarrow.parquet.write_table(pa.table(columns), path, compression="zstd", compression_level=19, store_schema=False)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # skl2onnx numbers its nodes in the order of a set
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    main()
