"""What a try says of its data, from the files to the notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from onnx import TensorProto, helper, numpy_helper

import seatrial


def older_are_rich(frame: pa.Table) -> list[str]:
    return ["yes" if age > 44 else "no" for age in frame["age"].to_numpy()]


def test_rows_that_a_training_file_has_too_are_found_whatever_its_numbers_look_like(
    people: pa.Table, tmp_path: Path
) -> None:
    picked = people.select(["age", "hours", "sex", "rich"])
    shared = picked.slice(0, 150)
    fractions = pa.array(np.full(picked.num_rows, 44.5))
    known = shared.set_column(0, "age", shared["age"].cast(pa.float64()))
    train = tmp_path / "train.csv"
    pyarrow.csv.write_csv(pa.concat_tables([known, picked.set_column(0, "age", fractions)]), train)
    found = seatrial.assess(older_are_rich, picked, label="rich", train=train)
    [note] = [note for note in found.notes if note.kind == "overlap"]
    rows, there = (table.to_pylist() for table in (picked, shared))
    assert note.text.startswith(f"{sum(row in there for row in rows)} of 600 rows")


def test_texts_that_the_graph_of_a_model_does_not_list_are_shown(people: pa.Table, tmp_path: Path) -> None:
    scores = helper.make_node("MatMul", ["codes", "weights"], ["p"])
    graph = helper.make_graph(
        [
            helper.make_node(
                "OneHotEncoder", ["sex"], ["hot"], domain="ai.onnx.ml", cats_strings=["Female", "Male"], zeros=1
            ),
            helper.make_node("Reshape", ["hot", "shape"], ["codes"]),
            scores,
            helper.make_node("Softmax", ["p"], ["probabilities"], axis=1),
        ],
        "sexes",
        [helper.make_tensor_value_info("sex", TensorProto.STRING, [None, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        [
            numpy_helper.from_array(np.array([-1, 2], np.int64), "shape"),
            numpy_helper.from_array(np.array([[0.1, 0.2], [0.2, 0.1]], np.float32), "weights"),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = tmp_path / "sexes.onnx"
    model.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    sex = ["female", "?", *people["sex"].to_pylist()[2:]]
    found = seatrial.assess(model, people.set_column(2, "sex", pa.array(sex)), label="rich")
    [note] = [note for note in found.notes if note.kind == "unknown_values"]
    assert "2 rows have a sex that the model was not trained on" in note.text
