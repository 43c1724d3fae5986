"""From raw census records to a model: two steps. The trial and the release follow by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial import Codec, Files, StoredFiles, Table, Trained, step

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@step(
    kind="spark",
    inputs={"raw": Files("raw/census/*.csv")},
    outputs=("train", "validation", "calibration", "test", "codec"),
)
def features(spark: SparkSession, raw: StoredFiles, *, seed: int = 7) -> dict[str, DataFrame | Codec]:
    """Types, cleans and splits the records, and fits the codec on the training part."""
    from features import features as prepare

    return prepare(spark, list(raw.urls), seed=seed)


@step(
    inputs={"train": "features.train", "validation": "features.validation", "codec": "features.codec"},
    libraries=("torch",),
)
def model(
    train: Table, validation: Table, codec: Codec, *, epochs: int = 25, seed: int = 7, mitigate: bool = False
) -> Trained:
    """Trains an MLP; with `mitigate`, both gaps between the sexes are part of what it minimises."""
    from training import POSITIVE, network
    from training import train as fit

    fitted, threshold = fit(train, validation, width=codec.width, epochs=epochs, seed=seed, mitigate=mitigate)
    return Trained(
        fitted,
        codec,
        classes=("<=50K", POSITIVE),
        positive=POSITIVE,
        threshold=threshold,
        factory=network,  # a trial that attacks makes the module anew with it, for its gradients
        arguments={"width": codec.width},
    )
