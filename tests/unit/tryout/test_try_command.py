"""`seatrial try` from the outside: what it prints, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from onnx import TensorProto

from seatrial.cli import main

Make = Callable[..., Path]


def run(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["try", *map(str, words)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def document(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    run(*words, "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.simulation
def test_the_example_passes_offline_and_leaves_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--example") == 0
    said = capsys.readouterr().out
    assert "Verdict: PASS. 1 of 1 requirements hold" in said
    assert "majority class <=50K" in said
    assert "Not measured" in said
    assert "use 1 of this test data" in said.lower()
    assert "Becker & Kohavi 1996, CC BY 4.0" in said
    assert "<title>" in Path("report.html").read_text(encoding="utf-8")


def test_a_model_and_a_table_get_a_verdict_and_the_next_command(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(model(), table, "--label", "rich", "--groups", "sex,age:30,50") == 0
    said = capsys.readouterr().out
    assert "Model model.onnx: binary, 2 inputs" in said
    assert "label rich, groups sex, age" in said
    assert 'positive: "yes" and not "no"' in said
    assert f"Next: seatrial init DIR --from {model()} --test {table} --label rich --groups sex,age:30,50" in said


def test_a_model_no_better_than_the_majority_does_not_pass(model: Make, table: Path) -> None:
    assert run(model(bias=100.0), table, "--label", "rich") == 3


def test_json_is_one_document_with_the_verdict_and_what_it_rests_on(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, model(), table, "--label", "rich", "--groups", "sex")
    assert {key: found[key] for key in ("run", "release", "verdict", "deployable", "waived", "steps")} == {
        "run": None,
        "release": None,
        "verdict": "pass",
        "deployable": False,
        "waived": [],
        "steps": [],
    }
    assert found["test_use"]["use"] == 1
    assert {one["claim"]["metric"] for one in found["evidence"]} >= {"accuracy", "roc_auc", "log_loss"}
    assert found["findings"][0]["outcome"] == "pass"


def test_another_model_on_the_same_rows_is_another_use_in_whatever_format_they_come(
    model: Make, table: Path, people: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pyarrow.csv.write_csv(people, tmp_path / "people.csv")
    words = ("--label", "rich")
    assert document(capsys, model(), table, *words)["test_use"]["use"] == 1
    assert document(capsys, model(), tmp_path / "people.csv", *words)["test_use"]["use"] == 1
    assert document(capsys, model("b.onnx", bias=-15.0), tmp_path / "people.csv", *words)["test_use"]["use"] == 2


def test_a_regression_without_a_clip_is_told_the_command_that_measures_it(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    regression = model(answer="value", weights=(0.5, 0.5), bias=-19.5)
    assert run(regression, table, "--label", "wage") == 3
    said = capsys.readouterr().out
    asked = next(line for line in said.splitlines() if line.startswith("Next: "))
    command, _, what = asked.removeprefix("Next: ").partition(", ")
    assert what == "with the largest error that counts in full"
    assert "use 1 of this test data" in said  # its numbers were shown: a look is a look
    words = shlex.split(command)
    assert words[:2] == ["seatrial", "try"]
    assert words[-2] == "--clip"
    assert run(*words[2:]) == 0
    said = capsys.readouterr().out
    assert "use 2 of this test data" in said
    assert "Next: seatrial init DIR" in said


def test_the_next_command_spells_options_as_they_are_taken(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(model(), table, "--label", "rich", "--weight", "age", "--largest-weight", "1e6")
    assert "--weight age --largest-weight 1000000.0" in capsys.readouterr().out


def test_a_regression_is_recognised_and_held_against_the_median(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    regression = model(answer="value", weights=(0.5, 0.5), bias=-19.5)
    assert run(regression, table, "--label", "wage", "--clip", "50") == 0
    said = capsys.readouterr().out
    assert "regression" in said
    assert "median" in said


def test_an_older_model_is_compared_on_the_same_rows(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = model("other.onnx", bias=-12.0)
    assert run(model(), table, "--label", "rich", "--against", other) == 0
    said = capsys.readouterr().out
    assert "accuracy against other.onnx" in said
    assert "other.onnx: task: binary" in said  # what was understood of it


def test_an_older_model_of_one_matrix_takes_the_columns_that_the_new_one_takes(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = model(matrix=True), model("old.onnx", matrix=True, bias=-12.0)
    run(new, table, "--label", "rich", "--inputs", "hours,age", "--against", old)
    said = capsys.readouterr().out
    assert 'old.onnx: input "features": the 2 columns hours, age, as the model that is tried takes them' in said


def test_a_policy_of_a_file_is_judged(
    model: Make, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[policy.require]]\nmetric = "accuracy"\nat_least = 0.999\n')
    assert run(model(), table, "--label", "rich", "--policy", policy) == 3
    assert "✗ fail" in capsys.readouterr().out


def test_rows_without_a_label_are_left_out_and_said(
    model: Make, people: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [None if row < 10 else name for row, name in enumerate(people.column("rich").to_pylist())]
    path = tmp_path / "gaps.parquet"
    pyarrow.parquet.write_table(people.set_column(3, "rich", pa.array(labels, pa.string())), path)
    found = document(capsys, model(), path, "--label", "rich")
    assert found["test_use"]["rows"] == people.num_rows - 10
    assert "unlabelled" in [note["kind"] for note in found["notes"]]


def test_labels_that_are_true_and_false_fit_classes_written_0_and_1(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys, model(classes=("0", "1")), table, "--label", "flag")
    assert found["verdict"] == "pass"


def test_rows_shared_with_the_training_table_are_said(
    model: Make, table: Path, people: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pyarrow.parquet.write_table(people.slice(0, 200), tmp_path / "train.parquet")
    found = document(capsys, model(), table, "--label", "rich", "--train", tmp_path / "train.parquet")
    assert "overlap" in [note["kind"] for note in found["notes"]]


def test_progress_goes_to_stderr_line_by_line_without_a_terminal(
    model: Make, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(model(), table, "--label", "rich")
    assert capsys.readouterr().err.splitlines() == [
        "opening the data",
        "reading the labels",
        "opening the model",
        "fitting baselines",
        "scoring",
        "measuring",
    ]


def test_names_from_data_do_not_drive_the_terminal(
    model: Make, people: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"\x1b[2J{name}" for name in people.column("sex").to_pylist()]
    pyarrow.parquet.write_table(people.set_column(2, "sex", pa.array(names)), tmp_path / "odd.parquet")
    run(model(), tmp_path / "odd.parquet", "--label", "rich", "--groups", "sex")
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert r"\x1b[2JFemale" in said


def test_numbers_in_a_csv_are_texts_for_a_model_that_takes_texts(
    model: Make, people: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pyarrow.csv.write_csv(people, tmp_path / "people.csv")
    texts = model(kind=TensorProto.STRING)
    assert run(texts, tmp_path / "people.csv", "--label", "rich") == 0


def test_rows_count_by_their_weight(
    model: Make, people: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = np.where(people["age"].to_numpy() + people["hours"].to_numpy() >= 79, "yes", "no")
    hit = right == people["rich"].to_numpy()
    weighted = people.append_column("people", pa.array(np.where(hit, 3.0, 1.0)))
    pyarrow.parquet.write_table(weighted, tmp_path / "weighted.parquet")
    found = document(capsys, model(), tmp_path / "weighted.parquet", "--label", "rich", "--weight", "people")
    own = {"metric": "accuracy", "family": "all", "against": None}
    accuracy = next(one for one in found["evidence"] if own.items() <= one["claim"].items())
    assert accuracy["estimate"] == pytest.approx(3 * hit.sum() / (3 * hit.sum() + (~hit).sum()))
