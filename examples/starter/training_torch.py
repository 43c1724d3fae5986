"""An MLP in plain PyTorch, behind a codec that is fitted on the training rows and becomes part of the model."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from columns import CLASSES, LABEL, NUMBERS, POSITIVE, TEXTS
from torch import nn
from torch.nn import functional

from seatrial import Codec, Trained

HIDDEN = 64
BATCH_ROWS = 256
LEARNING_RATE = 3e-3


def train(train: pd.DataFrame, validation: pd.DataFrame, *, epochs: int, seed: int) -> Trained:
    """Fits on `train`, and keeps the epoch with the least loss on `validation`. The same seed gives the same bits."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)  # the sums of several threads differ by their order
    codec = fit_codec(train)
    middle, scale = (0.0, 1.0) if CLASSES else (float(train[LABEL].mean()), float(train[LABEL].std()) or 1.0)
    features, labels = tensors(train, codec, middle, scale)
    checked, truth = tensors(validation, codec, middle, scale)
    module = network(codec.width, outputs=len(CLASSES) if len(CLASSES) > 2 else 1)
    optimiser = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
    least, best = float("inf"), copy.deepcopy(module.state_dict())
    for epoch in range(epochs):
        for rows in torch.randperm(len(features)).split(BATCH_ROWS):
            optimiser.zero_grad()
            loss(module(features[rows]), labels[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            found = float(loss(module(checked), truth))
        print(f"epoch {epoch + 1} of {epochs}: validation loss {found:.4f}", flush=True)
        if found < least:
            least, best = found, copy.deepcopy(module.state_dict())
    module.load_state_dict(best)
    if not CLASSES:  # the answer in the label's own unit
        last = [part for part in module if isinstance(part, nn.Linear)][-1]
        with torch.no_grad():
            last.weight.mul_(scale)
            last.bias.mul_(scale).add_(middle)
    return Trained(
        module.eval(),
        codec,
        classes=tuple(CLASSES),
        positive=POSITIVE or None,
        factory=network,  # a trial that attacks makes the module anew with it, for its gradients
        arguments={"width": codec.width, "outputs": len(CLASSES) if len(CLASSES) > 2 else 1},
    )


def network(width: int, outputs: int) -> nn.Module:
    """The module, without weights: one logit or value a row, or one logit a class."""
    layers = [nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)]
    return nn.Sequential(*layers, *([nn.Flatten(0)] if outputs == 1 else []))


def loss(answers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of classes, squared error of amounts."""
    if not CLASSES:
        return functional.mse_loss(answers, labels)
    if len(CLASSES) == 2:
        return functional.binary_cross_entropy_with_logits(answers, labels)
    return functional.cross_entropy(answers, labels.long())


def tensors(rows: pd.DataFrame, codec: Codec, middle: float, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Features float32[n, width], and labels float32[n]: the place of the class, or the amount."""
    label = rows[LABEL].map({name: place for place, name in enumerate(CLASSES)}) if CLASSES else rows[LABEL]
    values = (label.to_numpy(np.float64) - middle) / scale
    features = codec.encode(pa.Table.from_pandas(rows[[*NUMBERS, *TEXTS]], preserve_index=False))
    return torch.from_numpy(features), torch.from_numpy(values.astype(np.float32))


def fit_codec(train: pd.DataFrame) -> Codec:
    """Numbers around 0, and a feature for each text."""
    return Codec.from_statistics(
        numbers={name: (float(train[name].mean()), float(train[name].std())) for name in NUMBERS},
        vocabularies={name: sorted(set(train[name])) for name in TEXTS},
    )
