"""From raw files to a model: two steps. The trial and the release follow by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial import Files, StoredFiles, Table, Trained, step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@step(kind="spark", inputs={"raw": Files("raw/*")}, outputs=("train", "validation", "test"))
def rows(spark: SparkSession, raw: StoredFiles, *, seed: int = 7) -> dict[str, DataFrame]:
    """Reads the files, and splits their rows in three; the test data is only measured."""
    from preparing import read, split

    return split(read(spark, list(raw.urls)), seed=seed)


@step(inputs={"train": "rows.train", "validation": "rows.validation"}, libraries=("scikit-learn",))
def model(train: Table, validation: Table, *, rounds: int = 100, seed: int = 7) -> Trained:
    """Trains; `--set model.rounds=200` tries another number, and so does [params.model] in seatrial.toml."""
    from training import train as fit

    return fit(train.to_pandas(), validation.to_pandas(), rounds=rounds, seed=seed)
