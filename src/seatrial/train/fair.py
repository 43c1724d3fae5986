"""Fairness in training: weights that make group and label independent, and gaps between groups in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.errors import InputError

if TYPE_CHECKING:
    import torch

Rate = Literal["selection_rate", "true_positive_rate", "false_positive_rate"]


def reweighing(groups: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """A weight for each row, so that group and label are independent in the weighted data: float64[n].

    P(group) P(label) / P(group, label), for any training that takes weights (Kamiran & Calders 2012, section 4.2).

    >>> reweighing(["a", "a", "b", "b"], [1, 0, 0, 0]).tolist()
    [0.5, 1.5, 0.75, 0.75]
    """
    group, places = np.unique(np.asarray(groups), return_inverse=True)
    label, answers = np.unique(np.asarray(labels), return_inverse=True)
    if places.shape != answers.shape or not places.size:
        raise InputError(
            f"groups must have one value for each of {answers.size} labels, got {places.size}.", path="groups"
        )
    cells = np.zeros((len(group), len(label)))
    np.add.at(cells, (places, answers), 1.0)
    expected = cells.sum(axis=1, keepdims=True) * cells.sum(axis=0, keepdims=True) / len(places)
    weights = np.divide(expected, cells, out=np.zeros_like(cells), where=cells > 0)
    row_weights: NDArray[np.float64] = weights[places, answers]
    return row_weights


def rate_gaps(
    selected: torch.Tensor, members: Sequence[torch.Tensor], positive: torch.Tensor, *, rate: Rate
) -> torch.Tensor:
    """The difference of a rate for each pair of groups, first minus second: [pairs], differentiable in `selected`.

    `selected` [n] is how far each row is selected, 0 to 1; `members` holds bool[n] for each group; `positive` bool[n]
    is the label. A group without such rows in this batch takes no part.
    """
    import torch

    among = {
        "selection_rate": torch.ones_like(positive),
        "true_positive_rate": positive,
        "false_positive_rate": ~positive,
    }[rate]
    counted = [member & among for member in members]
    rates = [selected[rows].mean() for rows in counted if bool(rows.any())]
    gaps = [first - second for first, second in combinations(rates, 2)]
    return torch.stack(gaps) if gaps else selected.new_zeros(0)


def fairness_penalty(
    logits: torch.Tensor,
    members: Sequence[torch.Tensor],
    positive: torch.Tensor,
    *,
    rates: Sequence[Rate] = ("selection_rate", "true_positive_rate"),
    sharpness: float = 2.0,
) -> torch.Tensor:
    """The sum of the squared gaps of each rate: a scalar to add, times a weight, to the loss of a binary model.

    A sigmoid of `sharpness` times the logit stands for "selected", which has no slope (as in Zafar et al. 2017,
    "Fairness constraints", a smooth proxy of the rate).
    """
    import torch

    selected = torch.sigmoid(sharpness * logits.reshape(-1))
    total = selected.new_zeros(())
    for rate in rates:
        total = total + (rate_gaps(selected, members, positive, rate=rate) ** 2).sum()
    return total
