"""1,797 handwritten digits of 8 × 8 pixels (Alpaydin & Kaynak 1998, UCI; CC BY 4.0), as scikit-learn ships them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from sklearn.datasets import load_digits

from seatrial import Codec

SIDE = 8
LEVELS = 16.0  # a pixel is 0 to 16 in the file
PIXELS = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))
SHARES = (0.6, 0.1)  # train and validation; the rest is the test data


def split(*, seed: int) -> dict[str, pa.Table]:
    """Train, validation and test: no image is in two of them."""
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    ends = np.cumsum([round(share * len(order)) for share in SHARES])
    parts = zip(("train", "validation", "test"), np.split(order, ends), strict=True)
    return {name: _table(images[rows] / LEVELS, digits[rows]) for name, rows in parts}


def codec() -> Codec:
    """Pixels around 0: the same for every image, so nothing is fitted."""
    return Codec.from_statistics(numbers=dict.fromkeys(PIXELS, (0.5, 0.5)), vocabularies={})


def _table(images: np.ndarray, digits: np.ndarray) -> pa.Table:
    columns = {name: pa.array(images[:, place]) for place, name in enumerate(PIXELS)}
    return pa.table({**columns, "digit": pa.array(digits.astype(str))})
