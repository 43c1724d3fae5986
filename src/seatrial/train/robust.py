"""Losses over the worst examples that an attacker could make of a batch, for PyTorch loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from seatrial.attacks.encoding import encoder
from seatrial.attacks.gradient_attacks import fgsm, pgd
from seatrial.attacks.input_space import build_threat, input_space_of
from seatrial.attacks.losses import Codes, Floats, Loss, cross_entropy
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Rows
from seatrial.models.codec import Codec
from seatrial.models.frameworks.torch.gradients import TorchGradients
from seatrial.verdicts.policy.threat import ThreatModel

if TYPE_CHECKING:
    import torch

Method = Literal["fast", "pgd", "trades"]
_THREAT = "training"
_TINY = 1e-12  # beside a probability: its logarithm stays finite


class Adversary:
    """An attacker within a threat model, for training a module behind a codec."""

    def __init__(self, codec: Codec, threat: ThreatModel, rows: pa.Table, *, seed: int = 7) -> None:
        """`rows` are the training rows: they hold every text, and the ranges that the threat leaves open."""
        self._space = input_space_of(codec.columns, [rows], {_THREAT: threat})
        self._moves = build_threat(self._space, threat, rows, name=_THREAT)
        self._encode, self._scale = encoder(codec, self._space)
        self._rng = np.random.default_rng(seed)

    def points(self, rows: pa.Table) -> Rows:
        """Rows of a table as points, float64[n, d]: made once, before the first epoch."""
        return self._space.points(rows)

    def features(self, points: Rows) -> torch.Tensor:
        """What the module takes: float32[n, codec.width]."""
        import torch

        return torch.from_numpy(self._encode(points))

    def worst(self, module: Any, points: Rows, actual: Codes, *, steps: int, loss: Loss = cross_entropy) -> Rows:
        """Points that the attacker makes of a batch: by one step from a random start, or by PGD of that many."""
        training = module.training
        # Parameters keep their gradients: only those of the features are asked for.
        gradients = TorchGradients(module, self._encode, self._scale, offset=np.zeros(self._classes(module, points)))
        target = TargetModel(_never_asked, gradients)
        if steps == 1:
            start = self._moves.start(points, self._rng)
            examples = self._moves.confine(fgsm(target, start, actual, self._moves, loss=loss), points)
        else:
            examples = pgd(
                target, points, actual, self._moves, iterations=steps, rng=self._rng, loss=loss, stop_when_broken=False
            )
        module.train(training)
        return examples

    def _classes(self, module: Any, points: Rows) -> int:
        import torch

        with torch.no_grad():
            return max(2, int(module(self.features(points[:1])).reshape(1, -1).shape[1]))


def robust_loss(
    module: Any,
    adversary: Adversary,
    points: Rows,
    actual: Codes,
    *,
    method: Method = "pgd",
    steps: int = 7,
    beta: float = 6.0,
) -> torch.Tensor:
    """The loss of a batch under attack: a scalar with gradients in the module's parameters.

    `points` float64[n, d] are raw inputs (`Adversary.points`), `actual` int64[n] the classes. `fast`: one step from a
    random start (Wong, Rice & Kolter 2020); cheap, and known to fail suddenly, so watch the trial. `pgd`: `steps` of
    PGD (Madry et al. 2018). `trades`: the clean loss, and `beta` times how far the worst answers are from the clean
    ones (Zhang et al. 2019).
    """
    import torch
    from torch.nn import functional

    labels = torch.from_numpy(actual)

    def entropy(at: Rows) -> torch.Tensor:
        logits = module(adversary.features(at))
        if logits.ndim == 1 or logits.shape[1] == 1:
            return functional.binary_cross_entropy_with_logits(logits.reshape(-1), labels.to(logits.dtype))
        return functional.cross_entropy(logits, labels)

    if method != "trades":
        return entropy(adversary.worst(module, points, actual, steps=1 if method == "fast" else steps))
    with torch.no_grad():
        clean = _probabilities(module(adversary.features(points)))
    away = adversary.worst(module, points, actual, steps=steps, loss=_divergence(clean.double().numpy()))
    apart = _log_probabilities(module(adversary.features(away)))
    near = _log_probabilities(module(adversary.features(points)))
    return entropy(points) + beta * functional.kl_div(apart, near, log_target=True, reduction="batchmean")


def _divergence(clean: Floats) -> Loss:
    """KL(clean ‖ answers), whose slope in the scores is the answers minus the clean ones."""

    def loss(scores: Floats, _actual: Codes) -> tuple[Floats, Floats]:
        shifted = scores - scores.max(axis=1, keepdims=True)
        answers = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        apart = clean * (np.log(clean + _TINY) - np.log(answers + _TINY))
        return apart.sum(axis=1), answers - clean

    return loss


def _probabilities(logits: torch.Tensor) -> torch.Tensor:
    return _log_probabilities(logits).exp()


def _log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    import torch
    from torch.nn import functional

    if logits.ndim == 1 or logits.shape[1] == 1:
        flat = logits.reshape(-1, 1)
        logits = torch.cat([torch.zeros_like(flat), flat], dim=1)
    return functional.log_softmax(logits, dim=1)


def _never_asked(_points: Rows) -> Floats:
    raise AssertionError("attacks in training follow the module alone")
