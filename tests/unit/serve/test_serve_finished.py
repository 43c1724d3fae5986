"""What a finished model takes and gives, over HTTP and in files: integers, truths, labels alone, intervals."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from onnx import TensorProto, helper

from seatrial.models.finished import FinishedModel
from seatrial.rows import open_rows
from seatrial.rows.answered_rows import UnansweredRows, answer_rows, row_types
from seatrial.serve.formats.model_documents import model_metadata
from seatrial.serve.model_server import create_app
from tests.finished_models import matrix_model, model, opened, softmax_model, table
from tests.unit.serve.conftest import running

NODE = helper.make_node
FLOAT = TensorProto.FLOAT


@pytest.fixture
def counted(tmp_path: Path) -> FinishedModel:
    """An integer plus a truth, as a regression with bounds one below and one above."""
    nodes = [
        NODE("Cast", ["n"], ["n_f"], to=FLOAT),
        NODE("Cast", ["t"], ["t_f"], to=FLOAT),
        NODE("Add", ["n_f", "t_f"], ["predicted"]),
        NODE("Sub", ["predicted", "one"], ["lower"]),
        NODE("Add", ["predicted", "one"], ["upper"]),
    ]
    finished = model(
        nodes,
        [("n", TensorProto.INT32, ["rows", 1]), ("t", TensorProto.BOOL, ["rows", 1])],
        [(name, FLOAT, ["rows", 1]) for name in ("predicted", "lower", "upper")],
        {"one": pa.array([1.0], pa.float32()).to_numpy()},
    )
    rows = pa.table({"n": [1, 2, 3], "t": [True, False, True], "y": [1.5, 2.5, 3.5]})
    return opened(tmp_path, finished, rows=rows, labels=None)


def infer(found: FinishedModel, **columns: tuple[str, list[Any]]) -> tuple[int, Any]:
    inputs = [
        {"name": name, "datatype": kind, "shape": [len(data)], "data": data} for name, (kind, data) in columns.items()
    ]

    async def within() -> httpx.Response:
        app = create_app(found.predictor, "m", "1")
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            running(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            return await client.post("/v2/models/m/infer", content=json.dumps({"inputs": inputs}).encode())

    response = asyncio.run(within())
    return response.status_code, response.json()


def test_integers_and_truths_are_announced_as_what_they_are(counted: FinishedModel) -> None:
    announced = model_metadata(counted.predictor.signature, model="m", version="1")
    assert announced["inputs"] == [
        {"name": "n", "datatype": "INT64", "shape": [-1]},
        {"name": "t", "datatype": "BOOL", "shape": [-1]},
    ]
    assert announced["outputs"] == [
        {"name": name, "datatype": "FP64", "shape": [-1]} for name in ("value", "lower", "upper")
    ]


@pytest.mark.parametrize("n", [("INT64", [4, 5]), ("INT8", [4, 5]), ("FP64", [4, 5.0])])
@pytest.mark.parametrize("t", [("BOOL", [True, False]), ("INT64", [1, 0])])
def test_a_regression_with_an_interval_answers_with_three_tensors(
    counted: FinishedModel, n: tuple[str, list[Any]], t: tuple[str, list[Any]]
) -> None:
    status, answer = infer(counted, n=n, t=t)
    assert status == 200
    assert {item["name"]: item["data"] for item in answer["outputs"]} == {
        "value": [5, 5],
        "lower": [4, 4],
        "upper": [6, 6],
    }


@pytest.mark.parametrize(
    ("n", "problem"),
    [
        (("INT64", [4, None]), "n: there is no value in row 1"),
        (("FP64", [4.5, 5]), "n: 4.5 is not a whole number in row 0"),
        (("INT64", [4, 2**40]), "n: 1099511627776 is out of range in row 1"),
        (("BYTES", ["4", "5"]), "input 'n' is an integer, and cannot be 'BYTES'"),
    ],
)
def test_what_is_no_integer_is_a_bad_request_that_names_it(
    counted: FinishedModel, n: tuple[str, list[Any]], problem: str
) -> None:
    status, answer = infer(counted, n=n, t=("BOOL", [True, False]))
    assert status == 400
    assert problem in answer["error"]


def test_values_that_a_node_cannot_take_are_a_bad_request(tmp_path: Path) -> None:
    nodes = [
        NODE("Gather", ["table", "n"], ["picked"]),
        NODE("Reshape", ["picked", "column"], ["predicted"]),
    ]
    finished = model(
        nodes,
        [("n", TensorProto.INT64, ["rows", 1])],
        [("predicted", FLOAT, ["rows", 1])],
        {"table": np.array([1.5, 2.5, 3.5], np.float32), "column": np.array([-1, 1])},
    )
    found = opened(tmp_path, finished, rows=pa.table({"n": [0, 1, 2], "y": [1.5, 2.5, 3.5]}), labels=None)
    status, answer = infer(found, n=("INT64", [1, 7]))
    assert status == 400
    assert answer["error"].startswith("the model cannot take these values: ")
    assert infer(found, n=("INT64", [1, 2]))[0] == 200


def test_labels_alone_are_one_tensor(tmp_path: Path) -> None:
    finished = matrix_model([NODE("ArgMax", ["z"], ["o"], axis=1, keepdims=0)], [("o", TensorProto.INT64, ["n"])])
    found = opened(tmp_path, finished)
    status, answer = infer(found, a=("FP64", [3.0]), b=("FP64", [0.0]), c=("FP64", [0.0]))
    assert status == 200
    assert [item["name"] for item in answer["outputs"]] == ["label"]
    assert answer["outputs"][0]["data"][0] in ("no", "yes")


def test_files_of_answers_have_the_interval(counted: FinishedModel, tmp_path: Path) -> None:
    source, target = tmp_path / "rows.csv", tmp_path / "answers.csv"
    source.write_text("n,t\n7,true\n8,false\n")
    given = open_rows(source, types=row_types(counted.predictor.signature), others="text")
    answer_rows(counted.predictor, given.tables(), schema=given.schema, source=given.origin, target=target)
    answers = pyarrow.csv.read_csv(target)
    assert answers.select(["predicted", "lower", "upper"]).to_pydict() == {
        "predicted": [8, 8],
        "lower": [7, 7],
        "upper": [9, 9],
    }


def test_files_of_answers_from_a_matrix_have_the_probabilities(tmp_path: Path) -> None:
    found = opened(tmp_path, softmax_model())
    source, target = tmp_path / "rows.csv", tmp_path / "answers.csv"
    pyarrow.csv.write_csv(table(), source)
    given = open_rows(source, types=row_types(found.predictor.signature), others="text")
    answer_rows(found.predictor, given.tables(), schema=given.schema, source=given.origin, target=target)
    answers = pyarrow.csv.read_csv(target)
    assert answers.column_names[-3:] == ["predicted", "probability=no", "probability=yes"]
    assert answers["predicted"].to_pylist() == found.predictor.predict(table()).labels.tolist()


def test_a_row_that_the_model_gives_nan_for_is_a_bad_request_that_names_the_gap(tmp_path: Path) -> None:
    found = opened(tmp_path, softmax_model())
    whole = ("FP64", [1.0, 2.0])
    status, answer = infer(found, a=whole, b=("FP64", [1.0, None]), c=whole)
    assert status == 422
    assert "the model does not answer row 1, where 'b' has no value" in answer["error"]
    assert infer(found, a=whole, b=whole, c=whole)[0] == 200


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_row_that_the_model_gives_nan_for_has_no_label_in_a_file_of_answers(tmp_path: Path, suffix: str) -> None:
    found = opened(tmp_path, softmax_model())
    rows = table().select(["a", "b", "c"])
    values = rows["b"].to_pylist()
    values[3] = values[8] = None
    rows = rows.set_column(1, "b", pa.array(values, pa.float32()))
    told: list[UnansweredRows] = []
    target = tmp_path / f"answers.{suffix}"
    tables = [rows.slice(0, 2), rows.slice(2, 4), rows.slice(6)]
    answer_rows(found.predictor, tables, schema=rows.schema, source="rows", target=target, on_unanswered=told.append)
    given = open_rows(target, types={"predicted": pa.string()}, others="text")
    labels = [label for part in given.tables() for label in part["predicted"].to_pylist()]
    assert [row for row, label in enumerate(labels) if label not in ("no", "yes")] == [3, 8]
    assert {labels[3], labels[8]} <= {None, ""}
    assert told == [UnansweredRows(2, 3, ("b",))]
    assert str(told[0]) == (
        '2 rows have no answer, for the model gives NaN (the first is row 3, from 0, where "b" is missing)'
    )
