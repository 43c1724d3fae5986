"""A served model that answers from its columns, so that what arrived can be told from what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.application import Application


class Echo:
    """Says yes with probability `p`, or NaN where it is missing, and no where the text is empty."""

    signature = Signature(
        (Column("p", "number"), Column("größe", "text")), "binary", ("no", "yes"), positive="yes", threshold=0.5
    )

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        yes = np.where(columns["größe"] == "", 0.0, columns["p"])
        labels = np.where(yes >= 0.5, "yes", "no").astype(object)
        return Predictions(labels, np.column_stack([1 - yes, yes]))


@pytest.fixture(scope="session")
def echo() -> Echo:
    return Echo()


@asynccontextmanager
async def running(app: Application) -> AsyncIterator[None]:
    """The application's life around a test: its thread ends with it."""
    try:
        yield
    finally:
        await asyncio.to_thread(app.inference.close)
