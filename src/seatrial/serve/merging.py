"""Whether requests that wait together should be answered by one run of the model: tried, before the server is ready.

They are where it pays, and where it changes no bit: a kernel that adds up in another order for a batch than for a row
would make an answer depend on who else was asking. onnxruntime's ensembles of trees do so from 51 rows on, so that no
run is shared by more rows than were tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.models.codec import Codec
from seatrial.models.predictor import ArrayPredictor, Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.inference import merged, split

_PAYS = 0.7  # of the time that as many runs take
_ROWS, _FEW_ROWS = 24, 4
_SLOW_S = 0.02  # of one row: then few are tried, for the server should be ready soon
_SIZES = (2, 3, 7)  # besides all at once: kernels take rows by fours, eights and what is left
_LARGER = (2, 4, 8, 16)  # times all at once, up to 384 rows: the first of them waits for the last
_TRIES = 3
_SEED = 7


def rows_to_merge(predictor: ArrayPredictor, codec: Codec | None) -> int:
    """How many rows requests may share one run for, at most as many as were tried; 1 where none should share."""
    try:
        _, first_s = _timed(lambda: predictor.predict_arrays(probe_rows(predictor.signature, codec, 1)))
        count = _ROWS if first_s < _SLOW_S else _FEW_ROWS
        rows = probe_rows(predictor.signature, codec, count)
        one_by_one = [{name: values[place : place + 1] for name, values in rows.items()} for place in range(count)]
        alone, alone_s = _fastest(lambda: [predictor.predict_arrays(row) for row in one_by_one])
        together, together_s = _fastest(lambda: _together(predictor, one_by_one))
        if together_s > _PAYS * alone_s or not _same_bits(alone, together):
            return 1
        sizes = [_in_batches(predictor, one_by_one, size) for size in _SIZES]
        if not all(_same_bits(alone, parts) for parts in sizes):
            return 1
        if count < _ROWS:
            return count
        for times in _LARGER:
            if not _same_bits([*alone] * times, _together(predictor, one_by_one * times)):
                break
            count = len(alone) * times
    except Exception:  # noqa: BLE001  # a model that does not take made-up rows: onnxruntime has no common class
        return 1
    return count


def probe_rows(signature: Signature, codec: Codec | None, count: int) -> Mapping[str, NDArray[Any]]:
    """Rows as the model may get them: by the codec's means, scales and values, or made up."""
    random = np.random.default_rng(_SEED)
    numbers = {number.name: (number.mean, number.scale) for number in codec.numbers} if codec else {}
    texts = {vocabulary.name: vocabulary.values for vocabulary in codec.vocabularies} if codec else {}

    def values(column: Column) -> NDArray[Any]:
        if column.kind == "text":
            return random.choice(np.array([*texts.get(column.name, ()), ""], object), count)
        if column.kind == "number":
            mean, scale = numbers.get(column.name, (0.0, 1.0))
            return mean + scale * random.normal(size=count)
        return random.integers(0, 2, count).astype(np.float64)

    return {column.name: values(column) for column in signature.inputs}


def _together(predictor: ArrayPredictor, parts: Sequence[Mapping[str, NDArray[Any]]]) -> list[Predictions]:
    return split(predictor.predict_arrays(merged(parts)), [1] * len(parts))


def _in_batches(predictor: ArrayPredictor, parts: Sequence[Mapping[str, NDArray[Any]]], size: int) -> list[Predictions]:
    batches = [parts[start : start + size] for start in range(0, len(parts), size)]
    return [predictions for batch in batches for predictions in _together(predictor, batch)]


def _same_bits(some: Sequence[Predictions], others: Sequence[Predictions]) -> bool:
    return all(
        first.labels.tolist() == second.labels.tolist()
        and _bytes(first.probabilities) == _bytes(second.probabilities)
        and _bytes(first.interval) == _bytes(second.interval)
        for first, second in zip(some, others, strict=True)
    )


def _bytes(values: NDArray[Any] | None) -> bytes | None:
    return None if values is None else values.tobytes()


def _timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    return ask(), time.perf_counter() - begun


def _fastest(ask: Callable[[], list[Predictions]]) -> tuple[list[Predictions], float]:
    tries = [_timed(ask) for _ in range(_TRIES)]
    return tries[0][0], min(seconds for _, seconds in tries)
