"""Whatever is wrong with model or table: one screen that names it and the way out, status 2, and no use counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet
import pytest
from onnx import TensorProto, helper

import seatrial
from seatrial.cli import main

Make = Callable[..., Path]
SCREEN_LINES = 24


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], state: Path) -> Callable[..., str]:
    """Runs the command, which has to refuse; gives what it says."""

    def run(*words: str | Path) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["try", *map(str, words)])
        told = capsys.readouterr()
        assert ended.value.code == 2, told.err + told.out
        assert "Traceback" not in told.err
        assert told.out == ""
        said = "\n".join(
            line for line in told.err.splitlines() if not line.startswith(("opening", "reading", "scoring"))
        )
        assert 0 < len(said.splitlines()) <= SCREEN_LINES
        assert not state.exists()  # nothing was counted
        return said

    return run


@pytest.mark.parametrize("rows", ["rows", None, 1, 64], ids=["dynamic", "unnamed", "one at a time", "fixed"])
def test_a_batch_axis_of_any_kind_is_measured(model: Make, table: Path, rows: int | str | None) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["try", str(model(rows=rows, classes=None)), str(table), "--label", "rich"])
    assert ended.value.code == 0


def test_integer_inputs_are_measured(model: Make, table: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["try", str(model(kind=TensorProto.INT64)), str(table), "--label", "rich"])
    assert ended.value.code == 0


def test_integer_inputs_with_a_missing_value(
    refused: Callable[..., str], model: Make, people: pa.Table, tmp_path: Path
) -> None:
    ages = pa.array([None, *people.column("age").to_pylist()[1:]], pa.int64())
    pyarrow.parquet.write_table(people.set_column(0, "age", ages), tmp_path / "gap.parquet")
    said = refused(model(kind=TensorProto.INT64), tmp_path / "gap.parquet", "--label", "rich")
    assert "age" in said


def test_probabilities_that_do_not_sum_to_one(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(answer="halves"), table, "--label", "rich")
    assert "probabilities" in said
    assert "sum" in said


def test_answers_that_are_nan(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(answer="nan"), table, "--label", "rich")
    assert "NaN" in said or "nan" in said


def test_a_row_whose_answer_is_nan_far_into_the_table_is_no_error_and_is_told(
    model: Make, people: pa.Table, tmp_path: Path
) -> None:
    ages = people.column("age").to_numpy().astype(np.float64)
    ages[500] = np.nan
    pyarrow.parquet.write_table(people.set_column(0, "age", pa.array(ages)), tmp_path / "late.parquet")
    found = seatrial.assess(model(), tmp_path / "late.parquet", label="rich")
    (note,) = [note for note in found.notes if note.kind == "unanswered"]
    assert "1 of 600 rows (0.2%), first row 500 " in note.text
    assert "fill" in str(note.hint)


def test_tensors_in_another_file(refused: Callable[..., str], model: Make, table: Path) -> None:
    path = model()
    found = onnx.load(str(path))
    onnx.save_model(found, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert "another file" in refused(path, table, "--label", "rich")


def test_custom_operators(refused: Callable[..., str], model: Make, table: Path) -> None:
    path = model()
    found = onnx.load(str(path))
    found.graph.node.append(helper.make_node("Mystery", ["z"], ["unused"], domain="acme"))
    found.opset_import.append(helper.make_opsetid("acme", 1))
    path.write_bytes(found.SerializeToString())
    assert "acme" in refused(path, table, "--label", "rich")


def test_a_file_that_is_too_large(refused: Callable[..., str], table: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)  # a hole: it takes no room on the disk
    assert "large.onnx" in refused(path, table, "--label", "rich")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x09" * 50], ids=["empty", "text", "noise"])
def test_a_file_that_is_no_model(refused: Callable[..., str], table: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "corrupt.onnx"
    path.write_bytes(content)
    assert "corrupt.onnx" in refused(path, table, "--label", "rich")


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".pt"])
def test_a_pickle_is_refused_with_how_to_convert_it(
    refused: Callable[..., str], table: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.")
    said = refused(path, table, "--label", "rich")
    assert "onnx" in said.lower()


def test_a_model_that_is_not_there(refused: Callable[..., str], table: Path) -> None:
    assert "nowhere.onnx: the file does not exist" in refused("nowhere.onnx", table, "--label", "rich")


def test_a_table_that_is_not_there(refused: Callable[..., str], model: Make) -> None:
    assert "nowhere.parquet" in refused(model(), "nowhere.parquet", "--label", "rich")


def test_a_table_without_a_column_of_the_model(
    refused: Callable[..., str], model: Make, people: pa.Table, tmp_path: Path
) -> None:
    pyarrow.parquet.write_table(people.rename_columns(["Age", *people.column_names[1:]]), tmp_path / "t.parquet")
    said = refused(model(), tmp_path / "t.parquet", "--label", "rich")
    assert '"age"' in said or "'age'" in said or "age:" in said
    assert "Age" in said


def test_a_label_that_is_not_there_names_the_close_one(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(), table, "--label", "rihc")
    assert "--label rihc" in said
    assert "rich" in said


def test_a_forgotten_label_is_asked_for_by_the_columns_that_there_are(
    refused: Callable[..., str], model: Make, table: Path
) -> None:
    said = refused(model(), table)
    assert "--label is missing" in said
    assert "age, hours, sex, rich, flag, wage" in said


def test_a_group_column_that_is_not_there(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(), table, "--label", "rich", "--groups", "gender")
    assert "--groups gender" in said


def test_a_label_with_fractions_for_a_classifier(refused: Callable[..., str], model: Make, table: Path) -> None:
    assert "wage" in refused(model(), table, "--label", "wage")


def test_a_label_of_text_for_a_regression(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(answer="value"), table, "--label", "sex", "--task", "regression")
    assert '"sex" holds text' in said


def test_labels_that_are_none_of_the_classes(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(), table, "--label", "sex")
    assert "Female" in said
    assert "no" in said


def test_a_table_without_rows(refused: Callable[..., str], model: Make, people: pa.Table, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(people.slice(0, 0), tmp_path / "none.parquet")
    assert "at least one row" in refused(model(), tmp_path / "none.parquet", "--label", "rich")


def test_a_label_column_that_is_empty(
    refused: Callable[..., str], model: Make, people: pa.Table, tmp_path: Path
) -> None:
    empty = people.set_column(3, "rich", pa.nulls(people.num_rows, pa.string()))
    pyarrow.parquet.write_table(empty, tmp_path / "unlabelled.parquet")
    assert "is empty" in refused(model(), tmp_path / "unlabelled.parquet", "--label", "rich")


def test_weights_that_are_negative(refused: Callable[..., str], model: Make, people: pa.Table, tmp_path: Path) -> None:
    weighted = people.append_column("people", pa.array(np.linspace(-1, 1, people.num_rows)))
    pyarrow.parquet.write_table(weighted, tmp_path / "weighted.parquet")
    said = refused(model(), tmp_path / "weighted.parquet", "--label", "rich", "--weight", "people")
    assert "weights are not positive" in said


def test_the_same_model_twice(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(), table, "--label", "rich", "--against", model())
    assert "must be another model" in said


def test_a_positive_class_that_is_not_there(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(), table, "--label", "rich", "--positive", "yess")
    assert '--positive yess: the label column "rich" does not have this class. Did you mean "yes"?' in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--threshold", "1.5"), "--threshold"),
        (("--margin", "0.1"), "--against"),
        (("--seed=-1",), "--seed must be a whole number from 0, got -1"),
        (("--budget", "0"), "--budget must be more than 0 seconds, got 0. Write --budget 60"),
        (("--groups", "age:30,20"), "age:30,20"),
        (("--policy", "nowhere.toml"), "nowhere.toml"),
        (("--clip", "10"), "clip"),
        (("--weight", "sex"), "--weight sex: the column holds string"),
    ],
)
def test_options_that_cannot_be_meant(
    refused: Callable[..., str], model: Make, table: Path, words: tuple[str, ...], named: str
) -> None:
    assert named in refused(model(), table, "--label", "rich", *words)


def test_every_mistake_of_a_policy_file_with_its_line(
    refused: Callable[..., str], model: Make, table: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[[policy.require]]\nmetric = "acuracy"\nat_least = 0.5\n\n[[policy.require]]\nmetric = "mae"\nat_most = 1\n'
    )
    said = refused(model(), table, "--label", "rich", "--policy", policy)
    assert "policy.toml:2" in said
    assert "policy.toml:6" in said


def test_nothing_named_at_all(refused: Callable[..., str]) -> None:
    assert "seatrial try --example" in refused()


def test_a_policy_that_only_compares_without_a_model_to_compare_with(
    refused: Callable[..., str], model: Make, table: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[policy.require]]\nmetric = "accuracy"\nno_worse_than = "newest_passed"\n')
    said = refused(model(), table, "--label", "rich", "--policy", policy)
    assert "newest_passed" in said
    assert "--against" in said


@pytest.mark.parametrize("place", ["nowhere/report.html", "."], ids=["no such folder", "a folder"])
def test_a_report_that_could_not_be_written(refused: Callable[..., str], model: Make, table: Path, place: str) -> None:
    assert "--report FILE.html" in refused(model(), table, "--label", "rich", "--report", place)


def test_a_threshold_for_a_model_that_has_none(refused: Callable[..., str], model: Make, table: Path) -> None:
    said = refused(model(answer="value"), table, "--label", "wage", "--threshold", "0.5")
    assert (
        "--threshold 0.5: a threshold is for two classes with probabilities; this model is a regression model" in said
    )


def test_a_model_of_another_task_to_compare_with(refused: Callable[..., str], model: Make, table: Path) -> None:
    classifier = model("classifier.onnx")
    said = refused(model(answer="value"), table, "--label", "wage", "--against", classifier)
    assert "classifier.onnx" in said


@pytest.mark.simulation
def test_an_iceberg_snapshot_with_rows_deleted_by_value(
    refused: Callable[..., str], model: Make, people: pa.Table, tmp_path: Path
) -> None:
    pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
    from pyiceberg.catalog.sql import SqlCatalog

    from tests.unit.batches.deletes_by_value import delete_by_value

    catalog = SqlCatalog("try", uri="sqlite:///:memory:", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=people.schema)
    table.append(people)
    delete_by_value(table, "age", people["age"].slice(0, 1).combine_chunks())
    said = refused(model(), table.refresh().metadata_location.removeprefix("file://"), "--label", "rich")
    catalog.close()
    assert "deleted by value (equality deletes)" in said
    assert "rewrite_data_files" in said
