"""`seatrial init --from`: every option that it takes makes a project that reads, and says what it chose itself."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from seatrial.cli import main
from seatrial.cli.project.init import command
from seatrial.pipeline.new_project.init_from_model import name_note, project_name

xgboost = pytest.importorskip("xgboost")

CLASSES = ("up to 50k", "over 50k")
# What a case gives beside --from, --test and --label. The file names neither classes nor columns.
BINARY: dict[str, tuple[str, ...]] = {
    "classes": ("--classes", ",".join(CLASSES)),
    "positive": ("--positive", CLASSES[1]),
    "threshold": ("--threshold", "0.4"),
    "groups": ("--groups", "place,b:0"),
    "task": ("--task", "binary"),
    "inputs": ("--inputs", "a,b"),
    "weight": ("--weight", "w"),
    "largest_weight": ("--largest-weight", "4"),
    "validation": ("--validation", "validation.csv"),
    "train": ("--train", "train.csv"),
}
REGRESSION = {"clip": ("--clip", "10"), "quantile": ("--quantile", "0.5"), "task": ("--task", "regression")}
ELSEWHERE = {
    "data",
    "example",
    "folder",
    "framework",
    "from_",
    "label",
    "spark",
    "test",
}  # test_starter_projects.py has those of a table


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A booster of each task, and tables."""
    folder = tmp_path_factory.mktemp("files")
    random = np.random.default_rng(1)
    for name, rows in (("test", 1500), ("validation", 600), ("train", 600)):
        numbers = random.normal(size=(rows, 2))
        high = numbers.sum(axis=1) > 0.5
        pyarrow.csv.write_csv(
            pa.table(
                {
                    "a": pa.array(numbers[:, 0]),
                    "b": pa.array(numbers[:, 1]),
                    "place": pa.array(random.choice(["north", "south"], rows)),
                    "w": pa.array(random.integers(1, 3, rows)),
                    "y": pa.array(np.where(high, CLASSES[1], CLASSES[0])),
                    "amount": pa.array(numbers.sum(axis=1)),
                }
            ),
            folder / f"{name}.csv",
        )
        if name == "test":
            booster = xgboost.XGBClassifier(n_estimators=8, max_depth=2).fit(numbers, high)
            booster.save_model(folder / "binary.ubj")
            xgboost.XGBRegressor(n_estimators=8, max_depth=2).fit(numbers, numbers.sum(axis=1)).save_model(
                folder / "regression.ubj"
            )
    return folder


def init(files: Path, folder: str, *words: str, model: str = "binary.ubj", label: str = "y") -> dict[str, object]:
    with pytest.raises(SystemExit) as end:
        main(["init", folder, "--from", str(files / model), "--test", "test.csv", "--label", label, *words])
    assert end.value.code == 0
    with (files / folder / "seatrial.toml").open("rb") as file:
        return tomllib.load(file)


@pytest.fixture(autouse=True)
def here(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setenv("SEATRIAL_HOME", str(files / "home"))


def test_each_option_has_a_case_here() -> None:
    assert set(inspect.signature(command).parameters) == ELSEWHERE | set(BINARY) | set(REGRESSION)


@pytest.mark.simulation
def test_all_options_for_a_model_of_two_classes_make_a_project(files: Path) -> None:
    written = init(files, "binary", *(word for words in BINARY.values() for word in words))
    assert written["model"] == {
        "from": "binary.ubj",
        "classes": list(CLASSES),
        "inputs": ["a", "b"],
        "threshold": 0.4,
    }
    assert isinstance(written["policy"], dict)
    assert written["policy"]["largest_weight"] == 4


@pytest.mark.simulation
def test_all_options_for_a_regression_make_a_project(files: Path) -> None:
    everything = (word for words in REGRESSION.values() for word in words)
    written = init(files, "regression", "--inputs", "a,b", *everything, model="regression.ubj", label="amount")
    assert isinstance(written["policy"], dict)
    assert written["policy"]["clip"] == 10


@pytest.mark.simulation
def test_a_name_that_is_not_the_folders_is_said(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for option in ("classes", "inputs", "positive") for word in BINARY[option]]
    assert init(files, "p", *words)["project"] == {"name": "model"}
    assert 'named "model"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folder", "name"),
    [("2026", "model"), ("Holiday Homes", "holiday-homes"), ("x" * 50, "x" * 40), ("ships", "ships")],
)
def test_a_project_is_named_as_its_folder_is_as_far_as_a_name_can(tmp_path: Path, folder: str, name: str) -> None:
    assert project_name(tmp_path / folder) == name
    assert (name_note(name, tmp_path / folder) is None) == (name == folder)
