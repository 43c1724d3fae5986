"""An MLP for the census, in plain PyTorch. Nothing here knows Seatrial but for the tables that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from seatrial import Table

POSITIVE = ">50K"
HIDDEN = 64
BATCH_ROWS = 2048
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
THRESHOLDS = np.arange(0.30, 0.71, 0.01)
GAP_SHARPNESS = 2.0  # of the sigmoid that stands for "selected" where a gradient is needed
GAP_WEIGHT = 5.0  # of each squared gap in the loss
TOLERATED = {
    "selection_rate": 0.05,
    "true_positive_rate": 0.0,
}  # half of what the policy allows, so that the bounds have room
GAP_COST = 2.0  # accuracy that choosing gives up for each unit of gap beyond that


@dataclass(frozen=True)
class Rows:
    """Features float32[n, width]; who earns more than 50K and who is a woman, bool[n] each."""

    features: torch.Tensor
    positive: torch.Tensor
    female: torch.Tensor


@dataclass(frozen=True)
class Chosen:
    """The epoch and threshold that did best on validation, and the weights of that epoch."""

    score: float
    epoch: int
    threshold: float
    weights: dict[str, torch.Tensor]


def train(
    train_table: Table, validation_table: Table, *, width: int, epochs: int, seed: int, mitigate: bool
) -> tuple[nn.Module, float]:
    """Trains, and returns the network of the best epoch with its threshold; the same seed gives the same bits."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)  # the sums of several threads differ by their order
    network = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1), nn.Flatten(0))
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    validation = next(read(validation_table, batch_rows=validation_table.rows, seed=seed, epoch=0))
    best: Chosen | None = None
    for epoch in range(epochs):
        for rows in read(train_table, batch_rows=BATCH_ROWS, seed=seed, epoch=epoch):
            optimiser.zero_grad()
            loss(network(rows.features), rows, mitigate=mitigate).backward()
            optimiser.step()
        found = choose(network, validation, epoch, mitigate=mitigate)
        print(
            f"epoch {epoch + 1}/{epochs}: validation score {found.score:.4f} at threshold {found.threshold:.2f}",
            flush=True,
        )
        if best is None or found.score > best.score:
            best = found
    assert best is not None
    network.load_state_dict(best.weights)
    return network.eval(), best.threshold


def read(table: Table, *, batch_rows: int, seed: int, epoch: int) -> Iterator[Rows]:
    """The table's batches, as tensors."""
    for batch in table.batches(columns=["features", "income", "sex"], batch_rows=batch_rows, seed=seed, epoch=epoch):
        yield Rows(
            torch.from_numpy(batch["features"]),
            torch.from_numpy(batch["income"] == POSITIVE),
            torch.from_numpy(batch["sex"] == "Female"),
        )


def loss(logits: torch.Tensor, rows: Rows, *, mitigate: bool) -> torch.Tensor:
    """Cross-entropy, and with `mitigate` both gaps between the sexes, squared."""
    entropy = functional.binary_cross_entropy_with_logits(logits, rows.positive.float())
    if not mitigate:
        return entropy
    selection, true_positives = gaps(torch.sigmoid(GAP_SHARPNESS * logits), rows)
    return entropy + GAP_WEIGHT * (selection**2 + true_positives**2)


def gaps(selected: torch.Tensor, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Women minus men: the difference of the selection rates, and of the true positive rates."""

    def rate(among: torch.Tensor) -> torch.Tensor:
        return selected[among].mean()

    women, men = rows.female, ~rows.female
    return rate(women) - rate(men), rate(women & rows.positive) - rate(men & rows.positive)


def choose(network: nn.Module, validation: Rows, epoch: int, *, mitigate: bool) -> Chosen:
    """The threshold that does best on validation: accuracy, less what the gaps cost when they are to be small."""
    with torch.no_grad():
        probability = torch.sigmoid(network(validation.features))
    best = (-np.inf, 0.5)
    for threshold in THRESHOLDS:
        selected = probability >= threshold
        score = float((selected == validation.positive).float().mean())
        if mitigate:
            for gap, tolerated in zip(gaps(selected.float(), validation), TOLERATED.values(), strict=True):
                score -= GAP_COST * max(0.0, abs(float(gap)) - tolerated)
        best = max(best, (score, float(threshold)))
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    return Chosen(best[0], epoch, best[1], weights)
