"""Whether classes that were put in an order by guess stand in the order of a model's probabilities."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError, field
from seatrial.models.frameworks.class_names import class_names
from seatrial.models.predictor import Predictions

# Standard errors below chance. Among a thousand pairs of classes that a model cannot tell apart, one is so by chance
# once in 3,000 models.
_FAR = 5.0


def check_guessed_order(predictions: Predictions, actual: Iterable[Any], classes: Sequence[str], *, path: str) -> None:
    """An `InputError` where two classes are told apart the wrong way round: their order was guessed, and wrongly.

    For each pair: the probability that a row of the second has the larger difference of the two scores than a row of
    the first (an AUC; Mann & Whitney 1947), which lies far below one half where the names are swapped. `actual` are the
    labels of the rows, in any type; a label that is none of the classes does not count. No number is told: this looks
    at the labels before a use of them is counted.
    """
    scores = _scores(predictions, classes)
    names = np.array(class_names(actual), object)
    for first, second in itertools.combinations(range(len(classes)), 2):
        difference = scores[:, second] - scores[:, first]
        low, high = difference[names == classes[first]], difference[names == classes[second]]
        if len(low) and len(high) and _below_chance(low, high) > _FAR:
            raise InputError(
                f'the model tells "{classes[first]}" from "{classes[second]}", but the wrong way round: the order '
                f"{', '.join(classes)} of its classes was guessed, for nothing names them.",
                path=path,
                hint=f"Name the classes in the order of the model's own (the second is that of one column): "
                f"{field('classes', ','.join(['a', 'b', 'c'][: len(classes)]))}. "
                'See "A finished model" in docs/how-to/troubleshoot.md.',
            )


def _scores(predictions: Predictions, classes: Sequence[str]) -> NDArray[np.float64]:
    if predictions.probabilities is not None:
        return predictions.probabilities
    labels = np.asarray(predictions.labels, object)
    return np.stack([labels == name for name in classes], axis=1).astype(np.float64)


def _below_chance(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """How many standard errors of chance the AUC of `high` over `low` lies below one half."""
    both = np.concatenate([low, high])
    _, places, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    area = (ranks[len(low) :].sum() - len(high) * (len(high) + 1) / 2) / (len(low) * len(high))
    error = np.sqrt((len(both) + 1) / (12 * len(low) * len(high)))
    return float((0.5 - area) / error)
