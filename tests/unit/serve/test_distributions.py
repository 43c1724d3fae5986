from __future__ import annotations

import gc
import tracemalloc

import numpy as np

from seatrial.models.codec import Codec
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.observation.distributions import UNKNOWN, Distributions

SIGNATURE = Signature(
    (Column("p", "number"), Column("text", "text")), "binary", ("no", "yes"), positive="yes", threshold=0.5
)
CODEC = Codec.from_statistics(numbers={"p": (0.5, 0.25)}, vocabularies={"text": ["b"]})
MIB = 2**20


def ask(distributions: Distributions, rows: int, text: str = "b") -> None:
    distributions.add({"p": np.full(rows, 0.6), "text": np.array([text] * rows, object)})
    shares = np.full(rows, 0.5)
    distributions.add_answers(Predictions(np.array(["yes"] * rows, object), np.column_stack([shares, shares])))


def held_after(requests: int, rows: int, text_characters: int = 1) -> int:
    distributions = Distributions(CODEC, SIGNATURE)
    tracemalloc.start()
    try:
        for place in range(requests):
            ask(distributions, rows, f"{place}" + "a" * text_characters)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_requests_without_rows_are_not_kept() -> None:
    assert held_after(2000, 0) < MIB // 8


def test_long_texts_are_not_kept() -> None:
    assert held_after(100, 1, text_characters=MIB // 16) < MIB


def test_rows_are_counted_once_whether_they_wait_or_not() -> None:
    distributions = Distributions(CODEC, SIGNATURE)
    for _ in range(1500):
        ask(distributions, 1)
    ask(distributions, 3, "c")
    assert {bin_: rows for _, bin_, rows in distributions.inputs()} == {"0..1": 1503, "b": 1500, UNKNOWN: 3}
    assert dict(distributions.answers()) == {"yes": 1503}
    assert sum(rows for _, rows in distributions.probabilities()) == 1503


def test_wide_rows_wait_in_smaller_numbers() -> None:
    names = [f"n{place}" for place in range(2000)]
    codec = Codec.from_statistics(numbers=dict.fromkeys(names, (0.0, 1.0)), vocabularies={})
    signature = Signature(tuple(Column(name, "number") for name in names), "regression")
    distributions = Distributions(codec, signature)
    columns = {name: np.zeros(263) for name in names}  # 4 MiB and a little
    distributions.add(columns)
    distributions.add_answers(Predictions(np.zeros(263), None))
    assert not distributions._pending
