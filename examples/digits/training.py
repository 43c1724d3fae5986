"""An MLP for the digits, in plain PyTorch; robust training is one call in the place of the loss."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import torch
from torch import nn
from torch.nn import functional

from seatrial import Adversary, Codec, ThreatModel, robust_loss

HIDDEN = 256
BATCH_ROWS = 128
LEARNING_RATE = 1e-3
THREAT = ThreatModel("linf", budget=0.1, low=0.0, high=1.0)  # as the policy has it
STEPS = 7  # of PGD on each batch


def network(width: int) -> nn.Module:
    """The module, without weights."""
    return nn.Sequential(
        nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)
    )


def train(
    train_rows: pa.Table, validation_rows: pa.Table, codec: Codec, *, epochs: int, seed: int, robust: bool
) -> nn.Module:
    """Trains, and returns the module of the epoch with the least validation loss. The same seed gives the same bits."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)  # the sums of several threads differ by their order
    module = network(codec.width)
    optimiser = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
    adversary = Adversary(codec, THREAT, train_rows, seed=seed)
    points, digits = adversary.points(train_rows), labels(train_rows)
    checked, truth = adversary.points(validation_rows), labels(validation_rows)

    def loss(rows: np.ndarray, actual: np.ndarray) -> torch.Tensor:
        if robust:
            return robust_loss(module, adversary, rows, actual, method="pgd", steps=STEPS)
        return functional.cross_entropy(module(adversary.features(rows)), torch.from_numpy(actual))

    order = np.random.default_rng(seed)
    least, best = float("inf"), module.state_dict()
    for epoch in range(epochs):
        for rows in np.array_split(order.permutation(len(points)), len(points) // BATCH_ROWS):
            optimiser.zero_grad()
            loss(points[rows], digits[rows]).backward()
            optimiser.step()
        found = loss(checked, truth).item()
        print(f"epoch {epoch + 1} of {epochs}: validation loss {found:.4f}", flush=True)
        if found < least:
            least, best = found, {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.load_state_dict(best)
    return module.eval()


def labels(rows: pa.Table) -> np.ndarray:
    """The digits: int64[n]."""
    return rows.column("digit").to_numpy().astype(np.int64)
