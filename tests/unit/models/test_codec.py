from __future__ import annotations

import doctest
import functools
import math
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.errors import Corrupt, InputError
from seatrial.models import codec as codec_module
from seatrial.models.codec import CLIP, Codec
from seatrial.models.graph import codec_model

CODEC = Codec.from_statistics(
    numbers={"age": (38.5, 13.6), "gain": (1e-310, 5e-324), "loss": (-1.7e308, 1.7e308)},
    vocabularies={"sex": ["Female", "Male", None], "größe 🚢": ["née", "é", "e\u0301", "日本", " ", "a\x00b", "a"]},
)

numbers = st.one_of(st.none(), st.floats(allow_subnormal=True), st.integers(-(2**53), 2**53).map(float))
texts = st.one_of(
    st.none(),
    st.sampled_from([value for vocabulary in CODEC.vocabularies for value in vocabulary.values]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
rows = st.lists(st.tuples(numbers, numbers, numbers, texts, texts), max_size=20)


def as_table(values: list[tuple[float | None, float | None, float | None, str | None, str | None]]) -> pa.Table:
    columns = list(zip(*values, strict=True)) if values else [()] * len(CODEC.columns)
    kinds = {"number": pa.float64(), "text": pa.string()}
    return pa.table(
        {
            column.name: pa.array(list(data), kinds[column.kind])
            for column, data in zip(CODEC.columns, columns, strict=True)
        }
    )


@functools.cache
def graph_session() -> object:
    import onnxruntime

    return onnxruntime.InferenceSession(codec_model(CODEC).SerializeToString(), providers=["CPUExecutionProvider"])


def encode_in_graph(table: pa.Table) -> NDArray[np.float32]:
    inputs = {}
    for column in CODEC.columns:
        values = table[column.name].to_pylist()
        if column.kind == "number":
            data = np.array([math.nan if value is None else value for value in values], np.float64)
        else:
            data = np.array(["" if value is None else value for value in values], object)
        inputs[column.name] = data.reshape(-1, 1)
    return graph_session().run(None, inputs)[0]  # type: ignore[attr-defined, no-any-return]  # untyped library


@given(rows)
def test_numpy_and_the_graph_encode_bit_for_bit_alike(
    values: list[tuple[float | None, float | None, float | None, str | None, str | None]],
) -> None:
    table = as_table(values)
    encoded = CODEC.encode(table)
    assert encoded.shape == (len(values), CODEC.width)
    assert encoded.tobytes() == encode_in_graph(table).tobytes()


@given(rows)
def test_every_feature_is_finite_and_one_slot_of_each_vocabulary_is_set(
    values: list[tuple[float | None, float | None, float | None, str | None, str | None]],
) -> None:
    encoded = CODEC.encode(as_table(values))
    assert np.isfinite(encoded).all()
    assert (np.abs(encoded) <= CLIP).all()
    start = len(CODEC.numbers)
    for vocabulary in CODEC.vocabularies:
        slots = encoded[:, start : start + len(vocabulary.values) + 1]
        assert (slots.sum(axis=1) == 1).all()
        start += slots.shape[1]


@given(rows, st.integers(0, 20))
def test_encoding_in_two_halves_is_encoding_at_once(
    values: list[tuple[float | None, float | None, float | None, str | None, str | None]], cut: int
) -> None:
    table = as_table(values)
    halves = np.concatenate([CODEC.encode(table.slice(0, cut)), CODEC.encode(table.slice(cut))])
    assert halves.tobytes() == CODEC.encode(table).tobytes()


def test_null_and_nan_are_the_mean_and_infinities_the_clip() -> None:
    codec = Codec.from_statistics(numbers={"age": (40.0, 10.0)}, vocabularies={})
    table = pa.table({"age": [None, math.nan, math.inf, -math.inf, 60.0]})
    assert codec.encode(table).ravel().tolist() == [0.0, 0.0, CLIP, -CLIP, 2.0]


def test_null_is_the_empty_text() -> None:
    listed = Codec.from_statistics(numbers={}, vocabularies={"job": ["", "cook"]})
    unlisted = Codec.from_statistics(numbers={}, vocabularies={"job": ["cook"]})
    table = pa.table({"job": pa.array([None, ""], pa.string())})
    assert listed.encode(table).tolist() == [[1, 0, 0], [1, 0, 0]]
    assert unlisted.encode(table).tolist() == [[0, 1], [0, 1]]


def test_features_have_names() -> None:
    codec = Codec.from_statistics(numbers={"age": (0.0, 1.0)}, vocabularies={"sex": ["Male", "Female"]})
    assert codec.feature_names == ("age", "sex=Female", "sex=Male", "sex is unknown")
    assert codec.width == len(codec.feature_names)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([7, None], pa.int8()),
        pa.array([7, None], pa.uint64()),
        pa.array([7, None], pa.float32()),
        pa.array([Decimal("7.0"), None]),
        pa.array([7, None]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_numbers_of_every_type_are_cast(column: pa.Array[Any]) -> None:
    codec = Codec.from_statistics(numbers={"age": (0.0, 1.0)}, vocabularies={})
    assert codec.encode(pa.table({"age": column})).ravel().tolist() == [7.0, 0.0]


def test_integers_that_float64_does_not_hold_are_rounded() -> None:
    codec = Codec.from_statistics(numbers={"big": (float(2**60), 1.0)}, vocabularies={})
    assert codec.encode(pa.table({"big": [2**60 + 1]})).ravel().tolist() == [0.0]


def test_true_is_one_and_a_column_of_nulls_is_any_column() -> None:
    codec = Codec.from_statistics(numbers={"flag": (0.0, 1.0)}, vocabularies={"job": ["cook"]})
    encoded = codec.encode(pa.table({"flag": [True, False], "job": pa.nulls(2)}))
    assert encoded.tolist() == [[1, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["cook"], pa.large_string()),
        pa.array(["cook"], pa.string_view()),
        pa.array(["cook"]).dictionary_encode(),
        pa.chunked_array([["cook"], []], pa.string()),
    ],
    ids=lambda column: type(column).__name__ + str(column.type),
)
def test_texts_of_every_type_are_cast(column: pa.Array[Any]) -> None:
    codec = Codec.from_statistics(numbers={}, vocabularies={"job": ["cook"]})
    assert codec.encode(pa.table({"job": column})).tolist() == [[1.0, 0.0]]


def test_a_missing_column_names_the_close_one() -> None:
    codec = Codec.from_statistics(numbers={"hours_per_week": (0.0, 1.0)}, vocabularies={})
    with pytest.raises(InputError, match=r'hours_per_week: .*Rename the column "hours_per_wek"'):
        codec.encode(pa.table({"hours_per_wek": [1.0]}))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["7"]), "age: the model takes a number .*, the rows hold string"),
        (pa.array([[7.0]]), "rows hold list"),
    ],
)
def test_a_column_of_another_type_is_refused(column: pa.Array[Any], message: str) -> None:
    codec = Codec.from_statistics(numbers={"age": (0.0, 1.0)}, vocabularies={})
    with pytest.raises(InputError, match=message):
        codec.encode(pa.table({"age": column}))


def test_two_columns_of_one_name_are_refused() -> None:
    codec = Codec.from_statistics(numbers={"age": (0.0, 1.0)}, vocabularies={})
    with pytest.raises(InputError, match="age: the rows have several columns of this name"):
        codec.encode(pa.table([pa.array([1.0]), pa.array([2.0])], names=["age", "age"]))


def test_statistics_of_any_order_give_one_codec() -> None:
    first = Codec.from_statistics(numbers={}, vocabularies={"job": ["b", None, "a", "b"]})
    second = Codec.from_statistics(numbers={}, vocabularies={"job": ["", "a", "b"]})
    assert first.digest == second.digest


def test_a_column_without_spread_or_values_still_has_a_codec() -> None:
    codec = Codec.from_statistics(
        numbers={"constant": (3.0, 0.0), "one": (3.0, math.nan), "empty": (None, None)}, vocabularies={"none": []}
    )
    assert [number.scale for number in codec.numbers] == [1.0, 1.0, 1.0]
    assert codec.encode(pa.table({"constant": [4.0], "one": [3], "empty": [0.5], "none": ["x"]})).tolist() == [
        [1.0, 0.0, 0.5, 0.0, 1.0]
    ]


@pytest.mark.parametrize("statistics", [(math.inf, 1.0), (0.0, math.inf), (0.0, -1.0)])
def test_statistics_that_standardise_nothing_are_refused(statistics: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"codec\.age: mean .* and scale .* standardise nothing"):
        Codec.from_statistics(numbers={"age": statistics}, vocabularies={})


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"codec\.age: the column is in the codec twice"):
        Codec.from_statistics(numbers={"age": (0.0, 1.0)}, vocabularies={"age": ["x"]})


def test_the_document_brings_back_the_same_codec() -> None:
    assert Codec.from_document(CODEC.to_document()) == CODEC


def test_a_document_that_is_no_codec_is_corrupt() -> None:
    with pytest.raises(Corrupt, match=r"codec\.json"):
        Codec.from_document(b'{"numbers": [], "vocabularies": [], "clip": 100.0}')
    with pytest.raises(Corrupt, match=r"codec\.json"):
        Codec.from_document(CODEC.to_document().replace(b'"mean"', b'"median"'))


@pytest.mark.parametrize("name", ["label", "probability", "model/x", ""])
def test_a_column_named_like_an_answer_cannot_be_packaged(name: str) -> None:
    codec = Codec.from_statistics(numbers={name: (0.0, 1.0)}, vocabularies={})
    with pytest.raises(InputError, match="cannot take a column of this name"):
        codec_model(codec)


def test_the_example_in_the_docstring_is_true() -> None:
    found = doctest.testmod(codec_module, raise_on_error=True)
    assert found.attempted > 0


@pytest.mark.simulation
def test_a_worker_that_only_encodes_loads_no_graph_library() -> None:
    code = "import sys, seatrial.models.codec; print(sorted({'onnx', 'onnxruntime', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
