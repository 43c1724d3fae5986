"""Samples as a server writes them: of a small linear model, in files of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.models.runtime import load_predictor
from seatrial.rows.find_files import sources_at
from seatrial.serve.sampling.sampled_row import as_parquet, kept_inputs, sampled_row
from seatrial.tryout.samples.sample_files import SampledRows, read_samples
from tests.deploy_sample import loadable_package

PACKAGE = loadable_package()
PREDICTOR = load_predictor(PACKAGE)
SIGNATURE = PREDICTOR.signature
DIGEST = "d" * 64
TITLE = ("census", 1)


def inputs(rows: int, seed: int = 1) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    return {"age": random.normal(20, 14, rows), "sex": random.choice(np.array(["Female", "Male"], object), rows)}


def content(
    columns: dict[str, np.ndarray[Any, Any]],
    *,
    request: str = "r",
    release: str = DIGEST,
    share: float = 0.5,
    without: Sequence[str] = (),
) -> bytes:
    """A file of one request's rows, each answered by the model."""
    answers, kept = PREDICTOR.predict_arrays(columns), kept_inputs(SIGNATURE, without)
    written = [
        (1.7e9 + row, sampled_row(columns, kept, answers, SIGNATURE, row, request))
        for row in range(len(columns["age"]))
    ]
    return as_parquet(written, SIGNATURE, kept, release=f"sha256:{release}", share=share)


def put(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def read(folder: Path) -> SampledRows:
    return read_samples(sources_at(str(folder)), SIGNATURE, title=TITLE, digest=DIGEST)


def labels_of(samples: SampledRows, *, right: float = 1.0, seed: int = 3) -> pa.Table:
    """Labels of which so many are what was answered."""
    random, other = np.random.default_rng(seed), {"yes": "no", "no": "yes"}
    answers: list[Any] = samples.table["predicted"].to_pylist()
    told = [answer if random.random() < right else other[answer] for answer in answers]
    return samples.table.select(["request_id", "row"]).append_column("late", pa.array(told))
