"""A served model that answers from its columns, so that what arrived can be told from what is answered."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from seatrial.models.columns import number_column, text_column
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature


class Echo:
    """Says yes with probability `p`, or NaN where it is missing, and no where the text is empty."""

    signature = Signature(
        (Column("p", "number"), Column("größe", "text")), "binary", ("no", "yes"), positive="yes", threshold=0.5
    )

    def predict(self, rows: pa.Table) -> Predictions:
        yes = np.where(np.array(text_column(rows, "größe").to_pylist(), object) == "", 0.0, number_column(rows, "p"))
        labels = np.where(yes >= 0.5, "yes", "no").astype(object)
        return Predictions(labels, np.column_stack([1 - yes, yes]))


@pytest.fixture(scope="session")
def echo() -> Echo:
    return Echo()
