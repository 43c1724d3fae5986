"""Claim: the trial's attacks break as much as the strongest of the well-known suites, in a third of its time or less.

The same two networks (plain, and trained with PGD), the same rows of scikit-learn's digits, the same L∞ budget; robust
accuracy is what is left when every attack of a suite has been tried, counted by the same network. ART's AutoAttack,
torchattacks' APGD and PGD and Foolbox's PGD run in the same process, interleaved. They are not among our dependencies:
in an environment of its own,

    pip install -e .[torch] scikit-learn adversarial-robustness-toolbox multiprocess foolbox
    pip install --no-deps torchattacks
    OMP_NUM_THREADS=1 python benchmarks/attacks.py      100 rows, 5 repeats
    python benchmarks/attacks.py --rows 30 --repeats 2 --out /tmp/try

AutoAttack takes minutes for each model, most of them in its Square attack (5 restarts of 5,000 queries): it runs once.

Results: benchmarks/results/attacks.json and docs/benchmarks/attacks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from seatrial.attacks.gradient_masking import diagnose
from seatrial.attacks.suite import Effort, run_suite
from seatrial.attacks.target_model import TargetModel
from seatrial.attacks.threats import Linf
from seatrial.models.frameworks.torch.gradients import TorchGradients

ROOT = Path(__file__).parents[1]
BUDGET = 0.1
SIDE, LEVELS, TRAIN_ROWS = 8, 16.0, 1200
EPOCHS, BATCH_ROWS, STEPS = 60, 128, 7
ONCE = frozenset({"ART: AutoAttack"})
OURS = "Seatrial: all attacks and the diagnostics"
Images = np.ndarray
Suite = Callable[[nn.Module, Images, np.ndarray], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(7).permutation(len(images))
    images, digits = images[order] / LEVELS, digits[order].astype(np.int64)
    test = slice(TRAIN_ROWS, TRAIN_ROWS + arguments.rows)
    models = {
        name: trained(images[:TRAIN_ROWS], digits[:TRAIN_ROWS], robust=name == "robust") for name in ("plain", "robust")
    }
    found: dict[str, dict[str, dict[str, list[float]]]] = {
        model: {suite: {"seconds": [], "robust_accuracy": []} for suite in SUITES} for model in models
    }
    for repeat in range(arguments.repeats):
        for model, module in models.items():
            for suite, attack in SUITES.items():  # interleaved: what slows the machine slows them all
                if repeat and suite in ONCE:
                    continue
                torch.manual_seed(repeat)
                np.random.seed(repeat)  # the peers draw from it
                start = time.perf_counter()
                left = attack(module, images[test], digits[test])
                seconds = time.perf_counter() - start
                found[model][suite]["seconds"].append(seconds)
                found[model][suite]["robust_accuracy"].append(left)
                print(f"{repeat + 1}: {model}, {suite}: {left:.3f} left, {seconds:.1f} s", flush=True)
    document = {
        "claim": "Robust accuracy that is left, and the time it took",
        "rows": arguments.rows,
        "budget": f"L∞ ≤ {BUDGET} within 0 to 1",
        "repeats": arguments.repeats,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "models": found,
    }
    out = arguments.out
    results = (ROOT / "benchmarks/results" if out is None else out) / "attacks.json"
    page = (ROOT / "docs/benchmarks" if out is None else out) / "attacks.md"
    for path, text in ((results, json.dumps(document, indent=1) + "\n"), (page, table(document))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(SIDE * SIDE, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def trained(images: Images, digits: np.ndarray, *, robust: bool) -> nn.Module:
    """An MLP on pixels 0 to 1; the robust one on what seven steps of PGD make of each batch (Madry et al. 2018)."""
    torch.manual_seed(1)
    module = network()
    optimiser = torch.optim.Adam(module.parameters(), 1e-3)
    rows, labels = torch.from_numpy(images.astype(np.float32)), torch.from_numpy(digits)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(rows)).split(BATCH_ROWS):
            batch, truth = rows[chosen], labels[chosen]
            if robust:
                moved = (batch + torch.empty_like(batch).uniform_(-BUDGET, BUDGET)).clamp(0, 1)
                for _step in range(STEPS):
                    moved.requires_grad_()
                    loss = nn.functional.cross_entropy(module(moved), truth)
                    (slope,) = torch.autograd.grad(loss, moved)
                    moved = moved.detach() + BUDGET / 3 * slope.sign()
                    moved = torch.maximum(torch.minimum(moved, batch + BUDGET), batch - BUDGET).clamp(0, 1)
                batch = moved
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(batch), truth).backward()
            optimiser.step()
    return module.eval()


def seatrial(module: nn.Module, images: Images, digits: np.ndarray) -> float:
    def ask(points: Images) -> np.ndarray:
        with torch.no_grad():
            return torch.log_softmax(module(torch.from_numpy(points.astype(np.float32))), 1).double().numpy()

    def encode(points: Images) -> np.ndarray:
        return points.astype(np.float32)

    target = TargetModel(ask, TorchGradients(module, encode, np.ones(SIDE * SIDE), offset=np.zeros(10)))
    threat, effort = Linf(BUDGET, 0.0, 1.0), Effort()
    found = run_suite(target, images, digits, threat, effort=effort, shape=(SIDE, SIDE), seed=7, budget_s=float("inf"))
    diagnose(target, images, digits, threat, found, effort=effort, seed=7)
    return float(found.unbroken.mean())


def left(module: nn.Module, attacked: Images, digits: np.ndarray) -> float:
    with torch.no_grad():
        rows = torch.from_numpy(np.asarray(attacked, dtype=np.float32)).reshape(len(digits), -1)
        return float((module(rows).argmax(1).numpy() == digits).mean())


def auto_attack(module: nn.Module, images: Images, digits: np.ndarray) -> float:
    from art.attacks.evasion import AutoAttack
    from art.estimators.classification import PyTorchClassifier

    square = nn.Sequential(nn.Flatten(), module)  # its Square attack wants images
    classifier = PyTorchClassifier(
        square, nn.CrossEntropyLoss(), (1, SIDE, SIDE), 10, clip_values=(0.0, 1.0), device_type="cpu"
    )
    attack = AutoAttack(classifier, norm=np.inf, eps=BUDGET, eps_step=BUDGET / 4, batch_size=len(images))
    rows = images.astype(np.float32).reshape(-1, 1, SIDE, SIDE)
    return left(module, attack.generate(rows, np.eye(10)[digits]), digits)


def torchattacks_suite(name: str) -> Suite:
    def attack(module: nn.Module, images: Images, digits: np.ndarray) -> float:
        import torchattacks

        options = {"steps": 50, "alpha": BUDGET / 10} if name == "PGD" else {"steps": 100, "n_restarts": 1}
        attack = getattr(torchattacks, name)(nn.Sequential(nn.Flatten(), module), eps=BUDGET, **options)
        rows = torch.from_numpy(images.astype(np.float32)).reshape(-1, 1, SIDE, SIDE)
        return left(module, attack(rows, torch.from_numpy(digits)).detach().numpy(), digits)

    return attack


def foolbox_pgd(module: nn.Module, images: Images, digits: np.ndarray) -> float:
    import foolbox

    model = foolbox.PyTorchModel(module, bounds=(0, 1), device="cpu")
    rows = torch.from_numpy(images.astype(np.float32))
    _, clipped, _ = foolbox.attacks.LinfPGD(steps=50)(model, rows, torch.from_numpy(digits), epsilons=BUDGET)
    return left(module, clipped.numpy(), digits)


SUITES: dict[str, Suite] = {
    OURS: seatrial,
    "ART: AutoAttack": auto_attack,
    "torchattacks: APGD": torchattacks_suite("APGD"),
    "torchattacks: APGD, targeted": torchattacks_suite("APGDT"),
    "torchattacks: PGD": torchattacks_suite("PGD"),
    "Foolbox: PGD": foolbox_pgd,
}


def table(document: dict[str, object]) -> str:
    """The page of the docs, from the results alone."""
    lines = [
        *("---", "orphan: true", "---", ""),
        "# Attacks, beside the well-known suites",
        "",
        f"{document['rows']} of scikit-learn's digits, {document['budget']}, {document['repeats']} interleaved",
        f"repeats, {document['machine']['cores']} cores. Medians (min–max). Less left is the stronger attack.",  # type: ignore[index]
        "",
        "| model | suite | robust accuracy left | seconds |",
        "|---|---|---|---|",
    ]
    for model, suites in document["models"].items():  # type: ignore[attr-defined]
        for suite, found in suites.items():
            cells = [spread(found[name], digits) for name, digits in (("robust_accuracy", 3), ("seconds", 2))]
            lines.append(f"| {model} | {suite} | {cells[0]} | {cells[1]} |")
    return "\n".join([*lines, "", "Made by `benchmarks/attacks.py`.", ""])


def spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


if __name__ == "__main__":
    main()
