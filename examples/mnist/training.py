"""An MLP for MNIST, in plain PyTorch; robust training is one call in the place of the loss."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from seatrial import Adversary, Codec, ThreatModel, robust_loss

HIDDEN = 256
BATCH_ROWS = 128
LEARNING_RATE = 1e-3
THREAT = ThreatModel("linf", budget=0.2, low=0.0, high=1.0)  # the middle one of the policy
STEPS = 7  # of PGD on each batch
CHECKED_STEPS = 20  # of PGD on the validation rows
BETA = 6.0  # of TRADES: what a worst answer far from the clean one costs
DECAY = 0.99  # of the moving average, a step


def network(width: int) -> nn.Module:
    """The module, without weights."""
    return nn.Sequential(
        nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)
    )


def train(
    train_rows: pa.Table, validation_rows: pa.Table, codec: Codec, *, epochs: int, seed: int, robust: bool
) -> nn.Module:
    """Trains, and returns the module with the moving average of the weights. The same seed gives the same bits."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)  # the sums of several threads differ by their order
    module = network(codec.width)
    averaged = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    optimiser = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
    adversary = Adversary(codec, THREAT, train_rows, seed=seed)
    points, digits = adversary.points(train_rows), labels(train_rows)
    checked, truth = adversary.points(validation_rows), labels(validation_rows)

    def loss(rows: np.ndarray, actual: np.ndarray) -> torch.Tensor:
        if robust:
            return robust_loss(module, adversary, rows, actual, method="trades", steps=STEPS, beta=BETA)
        return functional.cross_entropy(module(adversary.features(rows)), torch.from_numpy(actual))

    order = np.random.default_rng(seed)
    for epoch in range(epochs):
        for rows in np.array_split(order.permutation(len(points)), len(points) // BATCH_ROWS):
            optimiser.zero_grad()
            loss(points[rows], digits[rows]).backward()
            optimiser.step()
            averaged.update_parameters(module)
        worst = adversary.worst(averaged.module, checked, truth, steps=CHECKED_STEPS) if robust else checked
        with torch.no_grad():
            answers = averaged.module(adversary.features(worst)).argmax(dim=1).numpy()
        under = " under attack" if robust else ""
        print(f"epoch {epoch + 1} of {epochs}: {(answers == truth).mean():.1%} of validation{under}", flush=True)
    return averaged.module.eval()


def labels(rows: pa.Table) -> np.ndarray:
    """The digits: int64[n]."""
    return rows.column("digit").to_numpy().astype(np.int64)
