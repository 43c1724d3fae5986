"""The codec in Spark: fitted by the rows alone, applied bit for bit as NumPy applies it."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.prepare.codec import fit_codec, with_features

from .lake import PYSPARK_LEAKS, Lake

pytestmark = [
    pytest.mark.filterwarnings(PYSPARK_LEAKS),
    pytest.mark.parametrize("lake", ["seaweed-sqlite"], indirect=True),  # nothing here depends on the store
]

ROWS = 3000
SCHEMA = "id long, amount double, count int, ratio decimal(12, 6), flag boolean, city string, kind string"
ODD_NUMBERS = [None, math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1]
ODD_TEXTS = [None, "", " ", "Zürich", "東京", "a\x00b", "e\u0301", "é", "🚢"]


@pytest.fixture(scope="module")
def frame(lake: Lake) -> Any:
    from decimal import Decimal

    draw = random.Random(11)
    rows = [
        (
            number,
            draw.choice(ODD_NUMBERS) if draw.random() < 0.2 else draw.gauss(1e6, 1e-3),
            draw.choice([None, -(2**31), 2**31 - 1, draw.randrange(100)]),
            Decimal(draw.randrange(10**9)).scaleb(-6) if draw.random() < 0.9 else None,
            draw.choice([True, False, None]),
            draw.choice(ODD_TEXTS),
            draw.choice(["x", "y"]),
        )
        for number in range(ROWS)
    ]
    return lake.spark.createDataFrame(rows, SCHEMA).repartition(3).persist()


def fit(frame: Any) -> Codec:
    return fit_codec(frame, numbers=["amount", "count", "ratio", "flag"], categories=["city", "kind"])


def test_the_features_in_spark_are_those_of_numpy_bit_for_bit(frame: Any) -> None:
    known = fit_codec(frame.filter("id % 2 = 0 and city > 'Z'"), numbers=["amount", "count"], categories=["city"])
    rows = with_features(frame, known).toArrow()
    packed = np.frombuffer(b"".join(rows["features"].to_pylist()), "<f4").reshape(ROWS, known.width)
    assert packed.tobytes() == known.encode(rows).tobytes()
    assert (packed[:, -1] == 1).any(), "some rows must have a category that the codec does not know"


def test_the_raw_columns_stay_as_they_were(frame: Any) -> None:
    rows = with_features(frame, fit(frame)).drop("features").toArrow().sort_by("id")
    # as text: NaN equals nothing, itself included
    assert str(rows.to_pylist()) == str(frame.toArrow().sort_by("id").to_pylist())


def test_the_codec_is_the_same_however_the_rows_are_spread(frame: Any) -> None:
    spread = [frame.repartition(7, "id"), frame.orderBy("amount").coalesce(1), frame.orderBy(frame.id.desc())]
    assert {fit(one).digest for one in spread} == {fit(frame).digest}


def test_mean_and_deviation_are_those_of_the_finite_values(frame: Any) -> None:
    number = fit(frame.filter("abs(amount) < 1e300")).numbers[0]
    values = frame.filter("abs(amount) < 1e300").toArrow()["amount"].to_numpy()
    assert number.mean == pytest.approx(values.mean(), rel=1e-12)
    assert number.scale == pytest.approx(values.std(), rel=1e-9)


def test_a_vocabulary_has_every_value_and_the_empty_text_for_null(frame: Any) -> None:
    assert fit(frame).vocabularies[0].values == tuple(sorted({text or "" for text in ODD_TEXTS}))


def test_a_column_that_is_not_there_is_named(frame: Any) -> None:
    with pytest.raises(InputError, match=r"^amuont: the frame does not have this column"):
        fit_codec(frame, numbers=["amuont"], categories=[])


def test_a_column_of_identifiers_is_no_category(lake: Lake) -> None:
    names = lake.spark.range(10_002).selectExpr("cast(id as string) as name", "1.0 as one")
    with pytest.raises(InputError, match=r"^name: more than 10,000 different values"):
        fit_codec(names, numbers=["one"], categories=["name"])
