"""The raw files as one frame, and that frame in three parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from columns import CLASSES, DELIMITER, FORMAT, KEPT, LABEL, NUMBERS, TEXTS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

MISSING = ["", "NA", "N/A", "NULL", "null", "None", "NaN", "nan"]  # in a column of numbers
SHARES = {"train": 0.60, "validation": 0.75, "test": 1.0}  # where each part ends; the verdict needs rows most
BUCKETS = 10_000


def read(spark: SparkSession, urls: list[str]) -> DataFrame:
    """All rows that have a label: numbers as doubles, the rest as texts."""
    from pyspark.sql import functions as F  # noqa: N812 as Spark's own documentation names it

    if FORMAT == "parquet":
        lines = spark.read.parquet(*urls)
    elif FORMAT == "jsonl":
        lines = spark.read.json(urls)
    else:  # values with line breaks want multiLine=True, and a file is then one task
        lines = spark.read.csv(urls, header=True, sep=DELIMITER, escape='"', mode="FAILFAST")
    texts = [name for name in dict.fromkeys([*TEXTS, *KEPT]) if name != LABEL]
    columns = {name: _number(name) for name in NUMBERS} | {name: _text(name) for name in texts}
    columns[LABEL] = _text(LABEL) if CLASSES else _number(LABEL)
    rows = lines.select(*(column.alias(name) for name, column in columns.items()))
    label = F.col(f"`{LABEL}`")
    return rows.filter(~label.isin("", "nan") if CLASSES else label.isNotNull() & ~F.isnan(label))


def split(rows: DataFrame, *, seed: int) -> dict[str, DataFrame]:
    """By a hash of the features: rows that are alike are in one part, whatever else comes into the files."""
    from pyspark.sql import functions as F  # noqa: N812

    features = [F.col(f"`{name}`") for name in [*NUMBERS, *TEXTS]]
    bucket = F.pmod(F.xxhash64(F.lit(seed), *features), F.lit(BUCKETS))
    placed = rows.withColumn("_bucket", bucket).persist()
    parts, start = {}, 0
    for name, share in SHARES.items():
        end = round(share * BUCKETS)
        parts[name] = placed.filter((F.col("_bucket") >= start) & (F.col("_bucket") < end)).drop("_bucket")
        start = end
    return parts


def _number(name: str) -> Column:
    from pyspark.sql import functions as F  # noqa: N812

    column = F.col(f"`{name}`")
    if FORMAT != "csv":
        return column.cast("double")
    return F.when(~F.trim(column).isin(MISSING), column).cast("double")  # any other text is an error


def _text(name: str) -> Column:
    from pyspark.sql import functions as F  # noqa: N812

    return F.coalesce(F.col(f"`{name}`").cast("string"), F.lit(""))
