"""An MLP for the census, in plain PyTorch. Of Seatrial it takes the tables it reads, and the gaps between groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from seatrial import Table, fairness_penalty, rate_gaps

POSITIVE = ">50K"
HIDDEN = 64
BATCH_ROWS = 2048
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
THRESHOLDS = np.arange(0.30, 0.71, 0.01)
GAP_SHARPNESS = 2.0  # of the sigmoid that stands for "selected" where a gradient is needed
GAP_WEIGHT = 5.0  # of each squared gap in the loss
RATES = ("selection_rate", "true_positive_rate")  # whose gaps between the sexes are to be small
TOLERATED = (0.05, 0.0)  # gaps of them: half of what the policy allows, and none
GAP_COST = 2.0  # accuracy that choosing gives up for each unit of gap beyond that


@dataclass(frozen=True)
class Rows:
    """Features float32[n, width]; who earns more than 50K and who is a woman, bool[n] each."""

    features: torch.Tensor
    positive: torch.Tensor
    female: torch.Tensor

    @property
    def sexes(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Women and men."""
        return self.female, ~self.female


def network(width: int) -> nn.Module:
    """The module, without weights: one logit a row."""
    return nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1), nn.Flatten(0))


def train(
    train_table: Table, validation_table: Table, *, width: int, epochs: int, seed: int, mitigate: bool
) -> tuple[nn.Module, float]:
    """Trains, and returns the network of the epoch with the least validation loss, and its threshold.

    The same seed gives the same bits.
    """
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)  # the sums of several threads differ by their order
    module = network(width)
    optimiser = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    validation = next(read(validation_table, batch_rows=validation_table.rows, seed=seed, epoch=0))
    least, best = float("inf"), module.state_dict()
    for epoch in range(epochs):
        for rows in read(train_table, batch_rows=BATCH_ROWS, seed=seed, epoch=epoch):
            optimiser.zero_grad()
            loss(module(rows.features), rows, mitigate=mitigate).backward()
            optimiser.step()
        with torch.no_grad():
            found = float(loss(module(validation.features), validation, mitigate=mitigate))
        print(f"epoch {epoch + 1} of {epochs}: validation loss {found:.4f}", flush=True)
        if found < least:
            least, best = found, {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.load_state_dict(best)
    return module.eval(), choose_threshold(module, validation, mitigate=mitigate)


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
    penalty = fairness_penalty(logits, rows.sexes, rows.positive, rates=RATES, sharpness=GAP_SHARPNESS)
    return entropy + GAP_WEIGHT * penalty


def choose_threshold(module: nn.Module, validation: Rows, *, mitigate: bool) -> float:
    """The threshold with the most accuracy on validation, less what the gaps cost where they are to be small."""
    with torch.no_grad():
        probability = torch.sigmoid(module(validation.features))
    scores = []
    for threshold in THRESHOLDS:
        selected = probability >= threshold
        score = float((selected == validation.positive).float().mean())
        if mitigate:
            for rate, tolerated in zip(RATES, TOLERATED, strict=True):
                (gap,) = rate_gaps(selected.float(), validation.sexes, validation.positive, rate=rate)
                score -= GAP_COST * max(0.0, abs(float(gap)) - tolerated)
        scores.append(score)
    return float(THRESHOLDS[int(np.argmax(scores))])
