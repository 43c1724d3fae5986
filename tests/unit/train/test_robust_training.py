"""Losses under attack, on data whose classes overlap: what is trained on the worst examples stands better."""

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from seatrial.attacks.suite import Effort, run_suite
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Linf, Rows
from seatrial.models.codec import Codec
from seatrial.train.robust import Adversary, Method, robust_loss
from seatrial.trial.self_test.networks import blobs
from seatrial.verdicts.policy.threat import Mutable, ThreatModel

pytestmark = pytest.mark.simulation

NAMES = tuple(f"x{place}" for place in range(12))
THREAT = ThreatModel("linf", 0.12, 0.0, 1.0)
CODEC = Codec.from_statistics(numbers=dict.fromkeys(NAMES, (0.5, 0.25)), vocabularies={})
TRAIN, TEST = blobs(1000, seed=1), blobs(300, seed=2)


def table(points: Rows) -> pa.Table:
    return pa.table({name: pa.array(points[:, place]) for place, name in enumerate(NAMES)})


@cache
def robust_accuracy(method: Method | None) -> float:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    module = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 3))
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    adversary = Adversary(CODEC, THREAT, table(TRAIN[0]))
    points, actual = adversary.points(table(TRAIN[0])), TRAIN[1]
    rng = np.random.default_rng(1)
    for _ in range(15):
        for chosen in np.array_split(rng.permutation(len(points)), 10):
            if method is None:
                logits = module(adversary.features(points[chosen]))
                loss = nn.functional.cross_entropy(logits, torch.from_numpy(actual[chosen]))
            else:
                loss = robust_loss(module, adversary, points[chosen], actual[chosen], method=method, steps=5)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def ask(rows: Rows) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(torch.log_softmax(module(adversary.features(rows)), 1).double())

    effort = Effort(queries=300)
    found = run_suite(TargetModel(ask), *TEST, Linf(0.12, 0, 1), effort=effort, shape=(12,), seed=1, budget_s=60)
    return float(found.unbroken.mean())


@pytest.mark.parametrize("method", ["fast", "pgd", "trades"])
def test_each_method_raises_robust_accuracy(method: Method) -> None:
    assert robust_accuracy(method) > robust_accuracy(None) + 0.1


def test_a_single_logit_is_trained_like_two() -> None:
    module = nn.Sequential(nn.Linear(12, 1), nn.Flatten(0))
    adversary = Adversary(CODEC, THREAT, table(TRAIN[0]))
    points, actual = TRAIN[0][:50], (TRAIN[1][:50] > 0).astype(np.int64)
    methods: tuple[Method, ...] = ("fast", "pgd", "trades")
    for method in methods:
        loss = robust_loss(module, adversary, points, actual, method=method, steps=3)
        loss.backward()
        assert torch.isfinite(loss)
    assert module[0].weight.grad is not None


def test_the_module_keeps_its_mode_and_its_gradients() -> None:
    module = nn.Sequential(nn.Linear(12, 3), nn.Dropout(0.5)).train()
    adversary = Adversary(CODEC, THREAT, table(TRAIN[0]))
    found = adversary.worst(module, TRAIN[0][:20], TRAIN[1][:20], steps=3)
    assert module.training
    assert module[0].weight.grad is None
    assert np.abs(found - TRAIN[0][:20]).max() <= 0.12 + 1e-9


def test_a_table_with_texts_is_trained_within_its_constraints() -> None:
    rng = np.random.default_rng(1)
    hours, jobs = rng.integers(1, 81, 200).astype(float), rng.choice(["a", "b", "c"], 200)
    rows = pa.table({"hours": pa.array(hours), "job": pa.array(jobs)})
    codec = Codec.from_statistics(numbers={"hours": (40.0, 12.0)}, vocabularies={"job": ["a", "b"]})
    threat = ThreatModel("table", 5.0, mutable={"hours": Mutable(1, 80, 1), "job": Mutable(values=("a", "b"), cost=3)})
    adversary = Adversary(codec, threat, rows)
    points = adversary.points(rows)
    assert adversary.features(points).numpy() == pytest.approx(codec.encode(rows))
    module = nn.Linear(codec.width, 2)
    found = adversary.worst(module, points, np.zeros(200, np.int64), steps=5)
    assert np.abs(found[:, 0] - points[:, 0]).max() <= 5
    assert (found[:, 0] == np.round(found[:, 0])).all()
    robust_loss(module, adversary, points, np.zeros(200, np.int64)).backward()
