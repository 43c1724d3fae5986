"""Test data is recognised by its rows: what people change without making other rows changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.errors import StoreError
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.trial.test_uses.ledger import TestData, carry_looks
from seatrial.trial.test_uses.ledger import record_look as record
from seatrial.trial.test_uses.overlap import SAME_DATA, is_same_data, shared_rows
from seatrial.trial.test_uses.row_sketch import KEPT, RowSketch, Sketch, canonical_hashes
from seatrial.tryout.example import TABLE, example_folder

ROWS, BLOCK = 2000, 700


def people(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)).round(3), columns=["a", "b", "c"])
    frame["sex"], frame["kids"] = rng.choice(["F", "M"], rows), rng.integers(0, 4, rows)
    frame["y"] = rng.choice(["no", "yes"], rows)
    return frame


def sketch(frame: pd.DataFrame, inputs: tuple[str, ...] = ("a", "b", "c")) -> Sketch:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    rows = RowSketch(table.schema, label="y", inputs=inputs)
    for start in range(0, table.num_rows, BLOCK):
        rows.see(table.slice(start, BLOCK).select(list(rows.columns)))
    return rows.sketch()


FIRST = people()
NOISE = np.random.default_rng(9).normal(size=(ROWS, 3))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda frame: frame.iloc[1:], id="a row dropped"),
        pytest.param(lambda frame: frame.iloc[: ROWS // 10], id="nine rows of ten dropped"),
        pytest.param(lambda frame: pd.concat([frame, frame.iloc[:1]]), id="a row doubled"),
        pytest.param(lambda frame: pd.concat([frame, frame]), id="every row doubled"),
        pytest.param(lambda frame: pd.concat([frame, people(5, 4 * ROWS)]), id="four times as many new rows added"),
        pytest.param(lambda frame: frame.sample(frac=1, random_state=1), id="shuffled"),
        pytest.param(lambda frame: frame.astype({"a": "float32", "b": "float32", "c": "float32"}), id="float32"),
        pytest.param(lambda frame: frame.astype(str), id="numbers as text"),
        pytest.param(lambda frame: frame.assign(a=frame.a + 1e-9), id="1e-9 added"),
        pytest.param(lambda frame: frame.assign(a=frame.a * (1 + 1e-6 * NOISE[:, 0])), id="noise of 1e-6"),
        pytest.param(lambda frame: frame.assign(y=frame.y.map({"no": 0, "yes": 1})), id="labels as codes"),
        pytest.param(lambda frame: frame.assign(y="no"), id="other labels"),
        pytest.param(lambda frame: frame.rename(columns={"a": "x1", "b": "x2"}), id="columns renamed"),
        pytest.param(lambda frame: frame[["c", "kids", "y", "a", "sex", "b"]], id="columns in another order"),
        pytest.param(lambda frame: frame.assign(z=1.0), id="a constant column added"),
        pytest.param(lambda frame: frame.assign(z=NOISE[:, 0], w=NOISE[:, 1]), id="two columns added"),
        pytest.param(lambda frame: frame.assign(row=range(ROWS)), id="rows numbered"),
        pytest.param(lambda frame: frame.drop(columns="a"), id="a column left out"),
        pytest.param(lambda frame: frame[["a", "b", "y"]], id="three columns left out"),
    ],
)
def test_the_same_rows_are_recognised(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    assert shared_rows(sketch(FIRST), sketch(change(FIRST.copy()))) > 0.8


@pytest.mark.parametrize("inputs", [("a",), ("kids",), ("b", "sex"), ("a", "b", "c", "sex", "kids")])
def test_other_inputs_of_a_model_are_the_same_rows(inputs: tuple[str, ...]) -> None:
    assert is_same_data(sketch(FIRST), sketch(FIRST, inputs))


@pytest.mark.parametrize("seed", range(1, 21))
def test_new_rows_of_the_same_people_are_other_data(seed: int) -> None:
    assert not is_same_data(sketch(FIRST), sketch(people(seed)))
    numbered = [sketch(people(one, 400).assign(row=range(400))) for one in (seed, seed + 100)]
    assert not is_same_data(*numbered)


@pytest.mark.simulation
def test_new_rows_of_few_different_values_are_other_data() -> None:
    """Real people of whom every eighth has a like; halves of many sizes: what rows share by accident never counts."""
    frame = pd.read_parquet(example_folder() / TABLE).rename(columns={"income": "y"})
    rng, worst = np.random.default_rng(3), 0.0
    for seed in range(25):
        rows = int(rng.integers(40, 2000))
        some = frame.sample(2 * rows, random_state=seed)
        worst = max(worst, shared_rows(sketch(some.iloc[:rows]), sketch(some.iloc[rows:])))
    assert worst < SAME_DATA


def test_texts_and_images_are_rows_too() -> None:
    rng = np.random.default_rng(1)
    texts = pd.DataFrame({"text": [" ".join(words) for words in rng.choice(list("abcdefghij"), (300, 15))], "y": 0})
    assert is_same_data(sketch(texts, ("text",)), sketch(texts.iloc[50:], ("text",)))
    pixels = rng.integers(0, 17, (300, 64)).astype(np.float32)

    def images(values: np.ndarray) -> Sketch:
        column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        table = pa.table({"image": column, "y": pa.array(np.zeros(len(values)))})
        rows = RowSketch(table.schema, label="y", inputs=["image"])
        rows.see(table)
        return rows.sketch()

    assert is_same_data(images(pixels), images(pixels[::-1].astype(np.float64)))
    assert not is_same_data(images(pixels), images(pixels[:, ::-1]))


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, width=32), st.integers(-(10**6), 10**6)), min_size=1))
@settings(deadline=None)
def test_a_number_is_one_value_whatever_its_type_and_spelling(values: list[float | None]) -> None:
    numbers = pa.chunked_array([pa.array([None if one is None else float(one) for one in values], pa.float64())])
    expected = canonical_hashes(numbers)
    np.testing.assert_array_equal(canonical_hashes(numbers.cast(pa.float32())), expected)
    finite = [None if one is None or not np.isfinite(one) else repr(float(one)) for one in values]
    texts = canonical_hashes(pa.chunked_array([pa.array([*finite, "text"], pa.string())]))
    for text, one, hash_of_text in zip(finite, expected, texts, strict=False):
        assert text is None or hash_of_text == one


def test_a_sketch_is_small_and_survives_its_file() -> None:
    wide = pd.DataFrame(np.random.default_rng(2).normal(size=(5000, 100))).rename(columns=str).assign(y=0)
    one = sketch(wide, tuple(map(str, range(100))))
    written = to_json(one)
    assert len(written) < 50 * KEPT * 11
    assert from_json(Sketch, written, path="sketch.json") == one


def record_look(objects: Objects, digest: str, sketch: Sketch, *, model: str, policy: str) -> int:
    return record(objects, TestData(digest, sketch.rows, sketch), model=model, policy=policy).use


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_objects(StoreSettings(tmp_path.as_uri()))


def test_uses_of_data_that_shares_rows_are_counted_together(objects: Objects) -> None:
    first, fewer, other = sketch(FIRST), sketch(FIRST.iloc[100:]), sketch(people(1))
    assert record_look(objects, "one", first, model="m1", policy="p") == 1
    assert record_look(objects, "two", fewer, model="m1", policy="p") == 2  # other rows: another look
    assert record_look(objects, "one", first, model="m1", policy="p") == 1  # the same again
    assert record_look(objects, "two", fewer, model="m1", policy="p") == 2
    assert record_look(objects, "one", first, model="m2", policy="p") == 3
    assert record_look(objects, "new", other, model="m3", policy="p") == 1  # really new rows


def test_two_series_that_a_third_joins_are_counted_as_one(objects: Objects) -> None:
    halves = [FIRST.iloc[: ROWS // 2], FIRST.iloc[ROWS // 2 :]]
    for name, half in zip("ab", halves, strict=True):
        for model in ("m1", "m2"):
            record_look(objects, name, sketch(half), model=model, policy="p")
    assert record_look(objects, "whole", sketch(FIRST), model="m3", policy="p") == 5


def test_a_damaged_record_of_rows_is_an_error_that_names_it(objects: Objects) -> None:
    objects.put("test-sketches/other.json", b"{}")
    with pytest.raises(Exception, match=r"test-sketches/other\.json"):
        record_look(objects, "one", sketch(FIRST), model="m", policy="p")
    objects.delete("test-sketches/other.json")
    objects.put("test-uses/one/x.json", b"{}")
    with pytest.raises(StoreError, match="not a record of a use"):
        record_look(objects, "one", sketch(FIRST), model="m", policy="p")


def test_looks_are_carried_to_another_store_with_what_recognises_them(objects: Objects, tmp_path: Path) -> None:
    fewer = TestData("two", ROWS - 100, sketch(FIRST.iloc[100:]))
    record_look(objects, "one", sketch(FIRST), model="m1", policy="p")
    (tmp_path / "other").mkdir()
    other = open_objects(StoreSettings((tmp_path / "other").as_uri()))
    carry_looks(objects, other, fewer)
    assert record(other, fewer, model="m2", policy="p").use == 2
