"""Attacks on tables against exhaustive search: trees, forests, boosters and a small network, all as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skl2onnx
import xgboost
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import seatrial
from seatrial.attacks import suite

COLUMNS = ["hours", "gain", "age", "kids"]
REACH, COSTS, HIGH = 12, (1.0, 1.0, 2.0), 59
NEAR = 0.005  # robust accuracy above the exhaustive search: what is allowed


def people(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({column: rng.integers(0, HIGH + 1, rows) for column in COLUMNS})
    score = np.sin(frame.hours / 4) + np.cos(frame.gain / 5) + frame.age / 30 - 1 + 0.02 * (frame.kids - 30)
    return frame.assign(y=(score + 0.3 * rng.normal(size=rows) > 0).astype(int))


TRAIN, TEST = people(3000, 1), people(200, 2)
X, Y = TRAIN[COLUMNS].to_numpy(float), TRAIN.y.to_numpy()
MODELS: dict[str, Callable[[], object]] = {
    "tree": lambda: DecisionTreeClassifier(max_depth=8, random_state=0).fit(X, Y),
    "forest": lambda: RandomForestClassifier(25, max_depth=8, random_state=0).fit(X, Y),
    "sklearn booster": lambda: GradientBoostingClassifier(n_estimators=30, random_state=0).fit(X, Y),
    "xgboost": lambda: xgboost.XGBClassifier(n_estimators=40, max_depth=4, n_jobs=1).fit(X, Y),
    "lightgbm": lambda: lightgbm.LGBMClassifier(n_estimators=40, num_leaves=15, n_jobs=1, verbose=-1).fit(X, Y),
    "network": lambda: make_pipeline(StandardScaler(), MLPClassifier((16,), tol=1e-2, random_state=0)).fit(X, Y),
}


def saved(name: str, folder: Path) -> tuple[Path, Callable[[np.ndarray], np.ndarray]]:
    """The model's file, and its answers as its own library gives them."""
    model = MODELS[name]()
    if name == "xgboost":
        path = folder / "model.json"
        model.save_model(path)  # type: ignore[attr-defined]  # of XGBoost
        return path, model.predict  # type: ignore[attr-defined]
    if name == "lightgbm":
        path = folder / "model.txt"
        model.booster_.save_model(path)  # type: ignore[attr-defined]  # of LightGBM
        return path, lambda rows: model.predict(pd.DataFrame(rows, columns=model.feature_name_))  # type: ignore[attr-defined]
    path = folder / "model.onnx"
    graph = skl2onnx.to_onnx(model, X[:1].astype(np.float32), options={"zipmap": False}, target_opset=18)
    path.write_bytes(graph.SerializeToString())
    return path, model.predict  # type: ignore[attr-defined]  # of scikit-learn


def exhaustive(answer: Callable[[np.ndarray], np.ndarray]) -> float:
    rows, truth = TEST[COLUMNS].to_numpy(float), TEST.y.to_numpy()
    every = np.array([*product(range(-REACH, REACH + 1), repeat=3)], float)
    every = every[np.abs(every) @ COSTS <= REACH]
    moved = np.repeat(rows, len(every), axis=0)
    moved[:, :3] += np.tile(every, (len(rows), 1))
    allowed = ((moved >= 0) & (moved <= HIGH)).all(axis=1)
    right = np.ones(len(moved), dtype=bool)
    right[allowed] = answer(moved[allowed]) == np.repeat(truth, len(every))[allowed]
    return float(right.reshape(len(rows), -1).all(axis=1).mean())


def measured(path: Path, folder: Path) -> tuple[float, dict[str, str]]:
    mutable = "".join(
        f"[policy.threat.form.mutable.{column}]\nlow = 0\nhigh = {HIGH}\nstep = 1\ncost = {cost}\n"
        for column, cost in zip(COLUMNS, COSTS, strict=False)
    )
    policy = folder / "policy.toml"
    policy.write_text(
        '[[policy.require]]\nmetric = "robust_accuracy"\nthreat = "form"\nat_least = 0.5\n'
        f'[policy.threat.form]\nnorm = "table"\nbudget = {REACH}\n{mutable}'
    )
    result = seatrial.assess(path, TEST, label="y", inputs=COLUMNS, positive="1", classes=["0", "1"], policy=policy)
    (evidence,) = [one for one in result.trial.evidence if one.claim.metric == "robust_accuracy"]
    return evidence.estimate, dict(evidence.conditions)


@pytest.mark.simulation
@pytest.mark.parametrize("name", MODELS)
def test_what_stands_stands_against_every_allowed_change(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, answer = saved(name, tmp_path)
    exact = exhaustive(answer)
    every_change, conditions = measured(path, tmp_path)
    assert abs(every_change - exact) <= NEAR
    assert conditions["certain"] == "200 of 200 rows"
    monkeypatch.setattr(suite, "MOST_QUERIES", 0)  # as if there were too many changes to try
    searched, conditions = measured(path, tmp_path)
    assert abs(searched - exact) <= NEAR
    if name != "network":
        assert conditions["certain"] == "200 of 200 rows"
