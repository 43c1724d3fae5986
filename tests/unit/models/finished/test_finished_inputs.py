from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from seatrial.errors import InputError
from seatrial.models.signature import Column
from tests.finished_models import (
    FEATURES,
    bare,
    matrix,
    matrix_model,
    model,
    opened,
    softmax_model,
    table,
)

NODE = helper.make_node


def columns_model(*inputs: tuple[str, int], shape: tuple[Any, ...] = ("n", 1)) -> Any:
    """The sum of named columns, as a regression."""
    nodes = []
    for name, kind in inputs:
        if kind == TensorProto.STRING:
            nodes.append(
                NODE("LabelEncoder", [name], [f"{name}_n"], domain="ai.onnx.ml", keys_strings=["x", "y"],
                     values_floats=[1.0, 2.0], default_float=-1.0)
            )  # fmt: skip
        else:
            nodes.append(NODE("Cast", [name], [f"{name}_n"], to=TensorProto.FLOAT))
    nodes.append(NODE("Sum", [f"{name}_n" for name, _ in inputs], ["out"]))
    return model(nodes, [(name, kind, list(shape)) for name, kind in inputs], [("out", TensorProto.FLOAT, list(shape))])


@pytest.mark.parametrize(
    ("kind", "dtype"), [(TensorProto.FLOAT, np.float32), (TensorProto.DOUBLE, np.float64)], ids=["float", "double"]
)
def test_a_matrix_takes_the_tables_numbers_in_their_order_and_says_so(tmp_path: Path, kind: int, dtype: Any) -> None:
    finished = softmax_model(kind=kind)
    found = opened(tmp_path, finished)
    assert 'input "x": the 3 columns a, b, c, in the order of the table' in found.notes
    assert found.predictor.signature.inputs == tuple(Column(name, "number") for name in FEATURES)
    expected = bare(finished, {"x": matrix(table(), dtype=dtype)})[0].astype(np.float64)
    assert np.array_equal(np.asarray(found.predictor.predict(table()).probabilities), expected)


def test_a_matrix_takes_the_columns_that_are_named_in_that_order(tmp_path: Path) -> None:
    finished = softmax_model()
    found = opened(tmp_path, finished, inputs=("c", "a", "b"))
    expected = bare(finished, {"x": matrix(table(), ("c", "a", "b"))})[0].astype(np.float64)
    assert np.array_equal(np.asarray(found.predictor.predict(table()).probabilities), expected)
    assert not any("in the order of the table" in note for note in found.notes)


@pytest.mark.simulation
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 3), min_size=1, max_size=8),
    st.sampled_from([pa.float64(), pa.float32()]),
)
def test_any_rows_are_answered_as_the_bare_matrix_is(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float, float]], kind: pa.DataType
) -> None:
    finished = softmax_model()
    folder = tmp_path_factory.mktemp("any")
    found = opened(folder, finished)
    columns = dict(zip(FEATURES, zip(*rows, strict=True), strict=True))
    with np.errstate(over="ignore"):
        asked = pa.table(
            {name: pa.array(np.array(values).astype(kind.to_pandas_dtype())) for name, values in columns.items()}
        )
        expected = bare(finished, {"x": matrix(asked)})[0].astype(np.float64)
    assert np.array_equal(np.asarray(found.predictor.predict(asked).probabilities), expected, equal_nan=True)


def test_a_matrix_of_unknown_width_takes_all_numbers(tmp_path: Path) -> None:
    found = opened(tmp_path, softmax_model(shape=("n", "features")))
    assert len(found.predictor.signature.inputs) == 3


def test_a_matrix_of_integers_takes_whole_numbers(tmp_path: Path) -> None:
    finished = model(
        [NODE("Cast", ["x"], ["f"], to=TensorProto.FLOAT), NODE("ReduceSum", ["f", "axes"], ["out"], keepdims=0)],
        [("x", TensorProto.INT64, ["n", 2])],
        [("out", TensorProto.FLOAT, ["n"])],
        {"axes": np.array([1])},
    )
    rows = pa.table({"i": [1, 2, 3], "j": [10, 20, 30], "y": [0.0, 1.0, 2.0]})
    found = opened(tmp_path, finished, rows=rows, labels=None)
    assert found.predictor.signature.inputs == (Column("i", "integer"), Column("j", "integer"))
    assert found.predictor.predict(rows).labels.tolist() == [11, 22, 33]


def test_a_matrix_of_texts_takes_the_tables_texts(tmp_path: Path) -> None:
    finished = model(
        [
            NODE("LabelEncoder", ["x"], ["f"], domain="ai.onnx.ml", keys_strings=["p", "q"], values_floats=[1.0, 2.0]),
            NODE("ReduceSum", ["f", "axes"], ["out"], keepdims=0),
        ],
        [("x", TensorProto.STRING, ["n", 2])],
        [("out", TensorProto.FLOAT, ["n"])],
        {"axes": np.array([1])},
    )
    rows = pa.table({"s": ["p", "q"], "t": ["q", "q"], "number": [1, 2], "y": [0.0, 1.0]})
    assert opened(tmp_path, finished, rows=rows, labels=None).predictor.predict(rows).labels.tolist() == [3, 4]


@pytest.mark.parametrize("shape", [("n", 1), ("n",)], ids=["column", "flat"])
def test_named_columns_of_every_type_are_found_by_name(tmp_path: Path, shape: tuple[Any, ...]) -> None:
    kinds = {
        "f": TensorProto.FLOAT,
        "d": TensorProto.DOUBLE,
        "i": TensorProto.INT32,
        "l": TensorProto.INT64,
        "t": TensorProto.BOOL,
        "s": TensorProto.STRING,
    }
    rows = pa.table(
        {"y": [0.5, 0.0], "s": ["y", "?"], "t": [True, False], "l": [7, 8], "i": [1, 2], "d": [0.5, 1], "f": [1.0, 2]}
    )
    found = opened(tmp_path, columns_model(*kinds.items(), shape=shape), rows=rows, labels=None)
    assert [column.kind for column in found.predictor.signature.inputs] == [
        "number", "number", "integer", "integer", "boolean", "text",
    ]  # fmt: skip
    assert found.predictor.predict(rows).labels.tolist() == [1 + 0.5 + 1 + 7 + 1 + 2, 2 + 1 + 2 + 8 + 0 - 1]


def test_a_name_that_is_no_column_suggests_the_close_one(tmp_path: Path) -> None:
    finished = columns_model(("age", TensorProto.FLOAT), ("hours_per_week", TensorProto.FLOAT))
    rows = pa.table({"age": [1.0], "hours-per-week": [2.0], "y": [0.5]})
    with pytest.raises(
        InputError,
        match=r'not have a column for the model.s input "hours_per_week".*Did you mean the column "hours-per',
    ) as error:
        opened(tmp_path, finished, rows=rows, labels=None)
    assert "inputs a,b,c" in str(error.value)
    found = opened(tmp_path, finished, rows=rows, labels=None, inputs=("age", "hours-per-week"))
    assert "inputs: hours_per_week is hours-per-week" in found.notes
    assert found.predictor.predict(rows).labels.tolist() == [3]


def test_the_label_is_no_input(tmp_path: Path) -> None:
    rows = pa.table({"a": [1.0], "y": [0.5]})
    with pytest.raises(InputError, match='the model takes the column "y", which is the label'):
        opened(tmp_path, columns_model(("a", TensorProto.FLOAT), ("y", TensorProto.FLOAT)), rows=rows, labels=None)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        (("a", "b"), r'input "x" takes 3 columns, inputs names 2'),
        (("a", "b", "wage"), r'the table does not have a column "wage"'),
        (("a", "b", "b"), r'the column "b" is an input twice'),
        (("a", "b", "group"), r'takes numbers for "group", the table holds string'),
    ],
)
def test_wanted_columns_that_do_not_fit_are_named(tmp_path: Path, wanted: tuple[str, ...], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        opened(tmp_path, softmax_model(), inputs=wanted)


def test_as_many_columns_as_the_matrix_has_or_the_way_out(tmp_path: Path) -> None:
    rows = table().append_column("weight", pa.array(np.ones(table().num_rows)))
    with pytest.raises(InputError, match=r"takes 3 columns, the table has 4 numeric columns besides the label.*inputs"):
        opened(tmp_path, softmax_model(), rows=rows)


def test_several_matrices_are_refused_with_the_way_out(tmp_path: Path) -> None:
    finished = model(
        [NODE("Concat", ["one", "two"], ["out"], axis=1)],
        [("one", TensorProto.FLOAT, ["n", 2]), ("two", TensorProto.FLOAT, ["n", 1])],
        [("out", TensorProto.FLOAT, ["n", 3])],
    )
    with pytest.raises(InputError, match=r"2 inputs, and one is a matrix.*one input a column"):
        opened(tmp_path, finished)


def test_an_image_is_refused_by_its_tensor(tmp_path: Path) -> None:
    finished = model(
        [NODE("Identity", ["pixels"], ["out"])],
        [("pixels", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [("out", TensorProto.FLOAT, ["n", 3, 8, 8])],
    )
    with pytest.raises(InputError, match=r'input "pixels" is float\[n, 3, 8, 8\]; a row of a table'):
        opened(tmp_path, finished)


def test_a_matrix_without_an_axis_for_rows_is_refused(tmp_path: Path) -> None:
    finished = model(
        [NODE("Identity", ["x"], ["out"])], [("x", TensorProto.FLOAT, [3])], [("out", TensorProto.FLOAT, [3])]
    )
    with pytest.raises(InputError, match=r'input "x" is float\[3\]: one row, without an axis for several.*\[rows, 3\]'):
        opened(tmp_path, finished)


@pytest.mark.parametrize("fixed", [1, 4])
def test_a_fixed_number_of_rows_is_freed_where_the_graph_allows(tmp_path: Path, fixed: int) -> None:
    found = opened(tmp_path, softmax_model(shape=(fixed, 3)))
    assert any(f"exported for {fixed} rows at a time" in note for note in found.notes)
    expected = bare(softmax_model(), {"x": matrix(table())})[0].astype(np.float64)
    assert np.array_equal(np.asarray(found.predictor.predict(table()).probabilities), expected)


def test_a_number_of_rows_that_is_written_into_the_graph_is_refused(tmp_path: Path) -> None:
    finished = matrix_model(
        [NODE("Reshape", ["z", "shape"], ["out"])],
        [("out", TensorProto.FLOAT, [1, 2])],
        shape=(1, 3),
        constants={"shape": np.array([1, -1])},
    )
    with pytest.raises(
        InputError, match=r'"out" has the shape \[1, 400\] for 200 rows; it was exported for 1 at a time'
    ):
        opened(tmp_path, finished)


def test_a_column_by_the_name_of_an_answer_is_refused(tmp_path: Path) -> None:
    rows = pa.table({"value": [1.0], "y": [0.5]})
    with pytest.raises(InputError, match='a column "value" cannot be an input'):
        opened(tmp_path, columns_model(("value", TensorProto.FLOAT)), rows=rows, labels=None)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (pa.array([1, None, 3]), r"^i: there is no value in row 1 \(the first is 0\).*Fill the gaps"),
        (pa.array([1, 2, 2.5]), r"^i: 2\.5 is not a whole number in row 2"),
        (pa.array([1.0, float("nan"), 2.0]), r"^i: there is no value in row 1"),
        (pa.array([2**31, 1, 1]), r"^i: 2147483648 is out of range in row 0.*from -2147483648 to 2147483647"),
    ],
)
def test_what_is_no_integer_is_named_by_column_and_row(tmp_path: Path, values: pa.Array[Any], problem: str) -> None:
    rows = pa.table({"i": [1, 2, 3], "y": [0.5, 1, 1]})
    found = opened(tmp_path, columns_model(("i", TensorProto.INT32)), rows=rows, labels=None)
    with pytest.raises(InputError, match=problem):
        found.predictor.predict(pa.table({"i": values}))


def test_an_integer_beyond_float64_is_refused(tmp_path: Path) -> None:
    rows = pa.table({"i": [1, 2, 3], "y": [0.5, 1, 1]})
    found = opened(tmp_path, columns_model(("i", TensorProto.INT64)), rows=rows, labels=None)
    found.predictor.predict(pa.table({"i": [2**53]}))
    with pytest.raises(InputError, match="is out of range in row 0"):
        found.predictor.predict(pa.table({"i": [2**53 + 2]}))


def test_a_truth_is_true_or_false(tmp_path: Path) -> None:
    rows = pa.table({"t": [True, False], "y": [0.5, 1]})
    found = opened(tmp_path, columns_model(("t", TensorProto.BOOL)), rows=rows, labels=None)
    assert found.predictor.predict(pa.table({"t": [1, 0, 1]})).labels.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match=r"^t: 2 is out of range in row 0.*takes true or false here"):
        found.predictor.predict(pa.table({"t": [2]}))


def test_the_row_of_a_mistake_is_counted_over_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pa.table({"i": [1, 2, 3], "y": [0.5, 1, 1]})
    found = opened(tmp_path, columns_model(("i", TensorProto.INT32)), rows=rows, labels=None)
    monkeypatch.setattr("seatrial.models.runtime.BATCH_ROWS", 2)
    with pytest.raises(InputError, match="row 4"):
        found.predictor.predict(pa.table({"i": [1, 2, 3, 4, None]}))
