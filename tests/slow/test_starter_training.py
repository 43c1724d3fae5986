"""What `seatrial init DIR --framework …` writes trains, for every framework and task, and the package answers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seatrial.pipeline.new_project.starter import FRAMEWORKS, init_starter
from seatrial.trial.question import Question

pytestmark = pytest.mark.slow
ROWS = 1_500
BETTER = {"grade": 0.75, "passed": 0.85, "score": 0.5}  # chance and the middle of the values give 0.33, 0.5 and 0


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exams: hours with gaps, schools with letters beyond ASCII, and what came out as a class, a grade and a score."""
    random = np.random.default_rng(5)
    hours = random.gamma(4, 3, ROWS).round(2)
    school = random.choice(["Ålesund", "Łódź", "7", ""], ROWS)
    score = (hours * 3 + (school == "7") * 12 + random.normal(0, 3, ROWS)).round(1)
    grade = np.select([score < 30, score < 45], ["C", "B"], "A")
    frame = pd.DataFrame({"hours": hours, "school": school, "score": score, "grade": grade, "passed": score >= 38})
    frame["pace"] = random.normal(0, 0.05, ROWS)  # of more digits than float32 has
    frame.loc[random.random(ROWS) < 0.05, "hours"] = None
    path = tmp_path_factory.mktemp("exams") / "exams.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("label", list(BETTER))
@pytest.mark.parametrize("framework", list(FRAMEWORKS))
def test_it_learns_and_packages(tmp_path: Path, exams: Path, framework: str, label: str) -> None:
    frame = pd.read_csv(exams, dtype=str, keep_default_na=False)
    raw = tmp_path / "exams.csv"
    frame[["hours", "school", "pace", label]].to_csv(raw, index=False)
    folder = tmp_path / "project"
    init_starter(folder, data=str(raw), question=Question(label=label), framework=framework, spark=False)
    rounds, default = FRAMEWORKS[framework].rounds
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("starter_training.py"), folder, raw, rounds, str(default)],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    score = float(re.findall(r"^SCORE (.*)$", done.stdout, re.MULTILINE)[-1])
    assert score > BETTER[label]
