"""From raw files to a model: two steps. The trial and the release follow by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial import Files, StoredFiles, Table, Trained, step

if TYPE_CHECKING:
    import pyarrow as pa


@step(inputs={"raw": Files("raw/*")}, outputs=("train", "validation", "test"))
def rows(raw: StoredFiles, *, seed: int = 7) -> dict[str, pa.Table]:
    """Reads the files, and splits their rows in three; the test data is only measured."""
    from preparing import read, split

    return split(read(raw), seed=seed)


@step(inputs={"train": "rows.train", "validation": "rows.validation"}, libraries=("scikit-learn",))
def model(train: Table, validation: Table, *, rounds: int = 100, seed: int = 7) -> Trained:
    """Trains; `--set model.rounds=200` tries another number, and so does [params.model] in seatrial.toml."""
    from training import train as fit

    return fit(train.to_pandas(), validation.to_pandas(), rounds=rounds, seed=seed)
