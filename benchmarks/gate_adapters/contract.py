"""What an adapter of a gate reads and says; runs inside the gate's own environment, without Seatrial.

A case is a folder of plain files: `case.json`, `test.parquet`, `answers.parquet` (the model's answers to the test rows,
asked once), and `train.parquet` with `train_answers.parquet`, rows of the same kind that the model was trained on. An
adapter's process takes one folder a line on its input, and writes one JSON line for each: whether the model passes, the
CPU seconds that it took, and what it said. Between the two it may ask the model about other rows: a line
`{"ask": FILE}` is answered by a line with the file of the answers. Nothing in a folder says whether the model is bad.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MOST_WORDS = 300  # characters of what a gate says


@dataclass(frozen=True)
class Case:
    """One model, its data, and what is asked of it."""

    folder: Path
    about: dict[str, Any]  # task, label, classes, positive, features, groups, weight, quantile, require
    test: pd.DataFrame
    answers: pd.DataFrame
    train: pd.DataFrame
    train_answers: pd.DataFrame
    ask: Callable[[pd.DataFrame], pd.DataFrame]  # the model itself, for any rows of the features

    @property
    def task(self) -> str:
        """binary, multiclass or regression."""
        return str(self.about["task"])

    @property
    def features(self) -> list[str]:
        """The model's inputs."""
        return list(self.about["features"])

    @property
    def classes(self) -> list[str]:
        """In the order of the columns of `probabilities`."""
        return list(self.about["classes"])

    @property
    def actual(self) -> pd.Series:
        """The labels of the test rows."""
        return self.test[self.about["label"]]

    @property
    def predicted(self) -> pd.Series:
        """What the model answers to the test rows."""
        return self.answers["prediction"]

    @property
    def groups(self) -> pd.DataFrame:
        """The columns that requirements name, crossed ones ("sex*race") made."""
        return pd.DataFrame(
            {name: self.test[name.split("*")].astype(str).agg(", ".join, axis=1) for name in self.about["groups"]}
        )

    @property
    def requirements(self) -> list[dict[str, Any]]:
        """As in a policy: metric, at_least or at_most, by, gap_between."""
        return list(self.about["require"])


def thinned(case: Case, most: int) -> Case:
    """The case with a sample of its rows, where there are more: for a gate that takes minutes of all of them."""
    kept = [rows.sample(min(most, len(rows)), random_state=0).index for rows in (case.test, case.train)]
    return replace(
        case,
        test=case.test.loc[kept[0]],
        answers=case.answers.loc[kept[0]],
        train=case.train.loc[kept[1]],
        train_answers=case.train_answers.loc[kept[1]],
    )


def probabilities(case: Case, answers: pd.DataFrame) -> np.ndarray:
    """float64[n, classes]."""
    return answers[[f"p{place}" for place in range(len(case.classes))]].to_numpy()


def positive_probability(case: Case, answers: pd.DataFrame) -> np.ndarray:
    """Of a binary model, float64[n]."""
    return probabilities(case, answers)[:, case.classes.index(case.about["positive"])]


def serve(decide: Callable[[Case], tuple[bool, str]]) -> None:
    """Decides every case that is named on the input; whatever the libraries print goes to stderr."""
    warnings.simplefilter("ignore")
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in iter(sys.stdin.readline, ""):
        case = read_case(Path(line.strip()), channel)
        start = time.process_time()
        try:
            passed, words = decide(case)
            failed = False
        except Exception as error:  # noqa: BLE001 - a gate that breaks off stops a pipeline too, and is counted
            passed, failed, words = False, True, f"{type(error).__name__}: {error}"
        words = " ".join(words.split())[:MOST_WORDS]
        took = time.process_time() - start
        channel.write(json.dumps({"passed": bool(passed), "seconds": took, "said": words, "error": failed}) + "\n")


def read_case(folder: Path, channel: Any) -> Case:
    """The case of a folder; its model is asked through `channel`."""
    about = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in ("test", "answers", "train", "train_answers")]

    def ask(rows: pd.DataFrame) -> pd.DataFrame:
        if about["told"]:  # its answers are known by row, and do not hang on the features
            return tables[1].loc[rows.index].reset_index(drop=True)
        with tempfile.NamedTemporaryFile(suffix=".parquet", delete=False) as file:
            rows[about["features"]].to_parquet(file.name, index=False)
        channel.write(json.dumps({"ask": file.name}) + "\n")
        answered = Path(sys.stdin.readline().strip())
        found = pd.read_parquet(answered)
        for path in (Path(file.name), answered):
            path.unlink()
        return found

    return Case(folder, about, *tables, ask)


def holds(requirement: dict[str, Any], value: float) -> bool:
    """Whether a number is on the right side of what is stated."""
    low, high = requirement.get("at_least"), requirement.get("at_most")
    return (low is None or value >= low) and (high is None or value <= high)


def worded(requirement: dict[str, Any], value: float) -> str:
    """The number with what is asked of it."""
    where = requirement.get("by") or requirement.get("gap_between")
    bound = f"≥ {requirement['at_least']}" if "at_least" in requirement else f"≤ {requirement['at_most']}"
    return f"{requirement['metric']}{f' by {where}' if where else ''} {value:.3f} ({bound})"
