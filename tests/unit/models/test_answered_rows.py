from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from seatrial.errors import InputError
from seatrial.models.runtime import OnnxPredictor, load_predictor
from seatrial.rows import open_rows, stream
from seatrial.rows.answered_rows import answer_rows, row_types

ANSWERS = ["predicted", "probability=<=50K", "probability=>50K"]


@pytest.fixture
def predictor(package: dict[str, bytes]) -> OnnxPredictor:
    return load_predictor(package)


def answer_file(predictor: OnnxPredictor, source: Path, target: Path | None) -> int:
    """As `seatrial predict` does it."""
    given = open_rows(source, types=row_types(predictor.signature), others="text")
    return answer_rows(predictor, given.tables(), schema=given.schema, source=given.origin, target=target)


def write(rows: pa.Table, path: Path) -> Path:
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(rows, path)
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(rows, path)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.to_pylist()))
    return path


def read(path: Path) -> pa.Table:
    if path.suffix == ".csv":
        return pyarrow.csv.read_csv(path)
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path)
    return pa.Table.from_pylist([json.loads(line) for line in path.read_text().splitlines()])


@pytest.mark.parametrize("source", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("target", ["csv", "jsonl", "parquet"])
def test_rows_come_back_with_their_answers(
    predictor: OnnxPredictor, rows: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    monkeypatch.setattr(stream, "TABLE_ROWS", 64)
    given, answered = write(rows, tmp_path / f"rows.{source}"), tmp_path / f"answers.{target}"
    assert answer_file(predictor, given, answered) == rows.num_rows
    found, expected = read(answered), predictor.predict(rows)
    assert found.column_names == [*rows.column_names, *ANSWERS]
    assert found["predicted"].to_pylist() == list(expected.labels)
    np.testing.assert_allclose(
        found["probability=>50K"].to_numpy(), np.asarray(expected.probabilities)[:, 1], atol=1e-6
    )
    assert found["id"].cast(pa.int64()).to_pylist() == rows["id"].to_pylist()


def test_answers_go_to_standard_output_as_csv(
    predictor: OnnxPredictor, rows: pa.Table, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    answer_file(predictor, write(rows.slice(0, 2), tmp_path / "rows.csv"), None)
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert lines[0].endswith('"predicted","probability=<=50K","probability=>50K"')
    assert len(lines) == 3


def test_columns_the_model_does_not_take_are_passed_on_as_they_are(predictor: OnnxPredictor, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("zip,age,hours,sex,city,seen\n00501,,40,,Zürich,2026-01-02\n1e3,7,1,Male,x,never\n")
    answer_file(predictor, source, tmp_path / "answers.jsonl")
    found = read(tmp_path / "answers.jsonl")
    assert found["zip"].to_pylist() == ["00501", "1e3"]
    assert found["seen"].to_pylist() == ["2026-01-02", "never"]
    assert found["age"].to_pylist() == [None, 7.0]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_without_rows_has_columns_of_answers(
    predictor: OnnxPredictor, rows: pa.Table, tmp_path: Path, suffix: str
) -> None:
    source = write(rows.slice(0, 0), tmp_path / f"rows.{suffix}")
    assert answer_file(predictor, source, tmp_path / "answers.parquet") == 0
    assert read(tmp_path / "answers.parquet").column_names == [*rows.column_names, *ANSWERS]


def test_a_number_that_is_none_is_an_error_and_leaves_the_target_alone(
    predictor: OnnxPredictor, tmp_path: Path
) -> None:
    source, target = tmp_path / "rows.csv", tmp_path / "answers.csv"
    source.write_text("age,hours,sex,city\nold,40,Male,x\n")
    target.write_text("before")
    with pytest.raises(InputError, match=r"rows\.csv: column 'age' must hold a number in every row, got 'old'"):
        answer_file(predictor, source, target)
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "rows.csv"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", None, r"rows\.csv: the file or folder does not exist"),
        (
            "rows.xlsx",
            b"",
            r'unknown file extension "\.xlsx"\. Known: \.csv, \.tsv, \.jsonl, \.ndjson',
        ),
        ("rows.csv", b"", r"rows\.csv: the file is empty"),
        ("rows.csv", b"age,hours,sex\n1,2,Male\n", "city: the rows do not have this column"),
        ("rows.csv", b"age,hours,sex,city,predicted\n1,2,Male,x,y\n", "a column 'predicted' already"),
        ("rows.jsonl", b"{", r"rows\.jsonl:1: the file is not JSON lines"),
        ("rows.jsonl", b'{"age": "old"}\n', "age: the model takes a number .* here, the rows hold string"),
        ("rows.parquet", b"PAR1", "the file cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_answered_is_named(
    predictor: OnnxPredictor, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        answer_file(predictor, tmp_path / name, tmp_path / "answers.csv")
    assert not (tmp_path / "answers.csv").exists()


def test_a_target_in_no_folder_is_an_error(predictor: OnnxPredictor, rows: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        answer_file(predictor, write(rows, tmp_path / "rows.csv"), tmp_path / "none" / "answers.csv")


def test_nested_columns_ask_for_parquet(predictor: OnnxPredictor, rows: pa.Table, tmp_path: Path) -> None:
    nested = rows.append_column("tags", pa.array([["a"]] * rows.num_rows))
    source = write(nested, tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=r"cannot be written: .* Write Parquet where columns are nested"):
        answer_file(predictor, source, tmp_path / "answers.csv")
    assert answer_file(predictor, source, tmp_path / "answers.parquet") == rows.num_rows


def test_json_lines_say_null_for_what_is_no_json(predictor: OnnxPredictor, rows: pa.Table, tmp_path: Path) -> None:
    odd = rows.slice(0, 3).set_column(0, "age", pa.array([float("nan"), float("inf"), 7.5]))
    answer_file(predictor, write(odd, tmp_path / "rows.parquet"), tmp_path / "answers.jsonl")
    assert read(tmp_path / "answers.jsonl")["age"].to_pylist() == [None, None, 7.5]
