"""Batches as a `tf.data.Dataset`: the same rows in the same order, every pass an epoch, leaving nothing behind.

`test_batches_tensorflow.py` runs these, in a process of their own.
"""

from __future__ import annotations

import gc
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import to_tensorflow
from seatrial.batches.parquet_table import ParquetTable, parquet_table
from seatrial.errors import InputError

ROWS = 3000
BATCH_ROWS = 128
BATCHES = -(-ROWS // BATCH_ROWS)
IDS = np.arange(ROWS)
PACKED = {"seatrial.packed.features": '{"dtype": "float32", "width": 2}'}
FEATURES = np.stack([IDS, -IDS], 1).astype("<f4")
NUMBERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")


def lake(folder: Path, columns: dict[str, Any], *, row_group_size: int = 500) -> ParquetTable:
    table = pa.table(columns).replace_schema_metadata(PACKED)
    pq.write_table(table, folder / "rows.parquet", row_group_size=row_group_size)
    return parquet_table(folder)


def matrices() -> pa.Array[Any]:
    values = pa.array(np.repeat(IDS, 6).astype(np.float32))
    return pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), [2, 3]), pa.FixedSizeListArray.from_arrays(values, 6)
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> ParquetTable:
    columns: dict[str, Any] = {
        "id": IDS,
        "features": pa.array([row.tobytes() for row in FEATURES], pa.binary()),
        "even": IDS % 2 == 0,
        "day": IDS.astype("datetime64[D]"),
        "word": [f"é{one}" for one in IDS],
        "pair": pa.FixedSizeListArray.from_arrays(pa.array(np.repeat(IDS, 2)), 2),
        "list": pa.array([[float(one)] * 3 for one in IDS], pa.list_(pa.float64())),
        "matrix": matrices(),
        "image": pa.array([np.full(4, one % 256, np.uint8).tobytes() for one in IDS], pa.binary()),
        **{name: (IDS % 100).astype(name) for name in NUMBERS},
    }
    return lake(tmp_path_factory.mktemp("lake"), columns)


def pixels(data: memoryview) -> np.ndarray[Any, Any]:
    return np.frombuffer(data, np.uint8).reshape(2, 2)


def ids_of(batches: Any) -> list[list[int]]:
    return [np.asarray(batch["id"]).tolist() for batch in batches]


def epoch_of(table: ParquetTable, epoch: int) -> list[list[int]]:
    return ids_of(table.batches(columns=["id"], batch_rows=BATCH_ROWS, epoch=epoch))


def readers() -> list[str]:
    gc.collect()
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("seatrial-")]


def test_the_spec_and_the_length_are_known_before_a_row_is(table: ParquetTable) -> None:
    columns = {"m": ["float32", "int8"], **{name: name for name in table.schema.names if name != "image"}}
    dataset = to_tensorflow(table.batches(columns=columns, batch_rows=BATCH_ROWS))
    assert dataset.element_spec == {
        "m": tf.TensorSpec([None, 2], tf.float32),
        "id": tf.TensorSpec([None], tf.int64),
        "features": tf.TensorSpec([None, 2], tf.float32),
        "even": tf.TensorSpec([None], tf.bool),
        "day": tf.TensorSpec([None], tf.int64),
        "word": tf.TensorSpec([None], tf.string),
        "pair": tf.TensorSpec([None, 2], tf.int64),
        "list": tf.TensorSpec([None, 3], tf.float64),
        "matrix": tf.TensorSpec([None, 2, 3], tf.float32),
        **{name: tf.TensorSpec([None], name) for name in NUMBERS},
    }
    assert int(dataset.cardinality()) == BATCHES


def test_tensors_hold_what_the_arrays_hold(table: ParquetTable) -> None:
    asked: Any = {"batch_rows": BATCH_ROWS, "decode": {"image": pixels}}
    dataset = to_tensorflow(table.batches(**asked))
    assert dataset.element_spec["image"] == tf.TensorSpec([None, 2, 2], tf.uint8)
    for batch, expected in zip(dataset, table.batches(**asked), strict=True):
        words = [word.decode() for word in batch.pop("word").numpy()]
        assert words == expected.pop("word").tolist()
        assert batch.pop("day").numpy().tolist() == expected.pop("day").astype("int64").tolist()
        assert list(batch) == list(expected)
        for name, tensor in batch.items():
            np.testing.assert_array_equal(tensor.numpy(), expected[name], strict=True)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 300),
    group_rows=st.integers(1, 100),
    batch_rows=st.integers(1, 90),
    worlds=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    steps=st.integers(0, 5),
)
def test_all_rows_come_exactly_once_over_all_ranks_and_a_resume(
    rows: int, group_rows: int, batch_rows: int, worlds: tuple[int, int], steps: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = lake(Path(folder), {"id": np.arange(rows)}, row_group_size=group_rows)
        before, after = worlds
        seen: Counter[int] = Counter()
        for rank in range(before):
            dataset = to_tensorflow(table.batches(batch_rows=batch_rows, rank=rank, world=before))
            seen.update(one for ids in ids_of(dataset.take(steps)) for one in ids)
        cursor = table.batches(batch_rows=batch_rows).cursor(ahead=steps)
        for rank in range(after):
            dataset = to_tensorflow(table.batches(batch_rows=7, rank=rank, world=after, cursor=cursor))
            seen.update(one for ids in ids_of(dataset) for one in ids)
    assert seen == Counter(range(rows))


def test_every_pass_is_the_next_epoch(table: ParquetTable) -> None:
    dataset = to_tensorflow(table.batches(columns=["id"], batch_rows=BATCH_ROWS, epoch=4))
    passes = [ids_of(dataset) for _ in range(3)]
    assert passes == [epoch_of(table, epoch) for epoch in (4, 5, 6)]
    assert passes[0] != passes[1] != passes[2]


def test_repeat_goes_on_with_the_next_epoch(table: ParquetTable) -> None:
    dataset = to_tensorflow(table.batches(columns=["id"], batch_rows=BATCH_ROWS))
    assert ids_of(dataset.repeat(2)) == epoch_of(table, 0) + epoch_of(table, 1)


def test_a_pass_that_is_left_early_counts(table: ParquetTable) -> None:
    dataset = to_tensorflow(table.batches(columns=["id"], batch_rows=BATCH_ROWS))
    for epoch in range(3):
        assert ids_of(dataset.take(2)) == epoch_of(table, epoch)[:2]


def test_from_a_cursor_comes_the_rest_of_its_epoch_and_then_the_next(table: ParquetTable) -> None:
    cursor = table.batches(columns=["id"], batch_rows=BATCH_ROWS, epoch=2).cursor(ahead=5)
    dataset = to_tensorflow(table.batches(columns=["id"], batch_rows=BATCH_ROWS, epoch=2, cursor=cursor))
    assert int(dataset.cardinality()) == tf.data.UNKNOWN_CARDINALITY
    assert ids_of(dataset.take(1)) == epoch_of(table, 2)[5:6]  # a look takes nothing away
    assert [ids_of(dataset) for _ in range(2)] == [epoch_of(table, 2)[5:], epoch_of(table, 3)]


def test_a_reader_that_is_under_way_goes_on_where_it_is_and_stays_the_users(table: ParquetTable) -> None:
    with table.batches(columns=["id"], batch_rows=BATCH_ROWS) as batches:
        first = next(batches)["id"].tolist()
        dataset = to_tensorflow(batches)
        assert [first, *ids_of(dataset)] == epoch_of(table, 0)
        assert [first, *ids_of(batches)] == epoch_of(table, 0)


def broken(batch: dict[str, Any]) -> None:
    raise ZeroDivisionError(len(batch))


def test_leaving_early_leaves_no_thread(table: ParquetTable) -> None:
    dataset = to_tensorflow(table.batches(columns=["id"], batch_rows=10))
    assert len(ids_of(dataset.take(3))) == 3
    assert readers() == []
    for _ in dataset:
        assert readers()
        break
    assert readers() == []
    with pytest.raises(ZeroDivisionError):
        list(map(broken, dataset.prefetch(2)))
    assert readers() == []
    running = iter(dataset)
    next(running)
    assert readers()
    del running
    assert readers() == []


def test_a_file_that_changed_is_named_with_the_offset(tmp_path: Path) -> None:
    dataset = to_tensorflow(lake(tmp_path, {"id": IDS}).batches(batch_rows=BATCH_ROWS))
    file = tmp_path / "rows.parquet"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(tf.errors.OpError, match=rf"ObjectChanged: {file}: .*\(at byte \d+\)"):
        list(dataset)
    assert readers() == []


def test_a_stripe_without_rows_has_the_shapes_of_the_others(table: ParquetTable) -> None:
    columns = ["id", "list", "image", "word", "features"]
    asked: Any = {"columns": columns, "batch_rows": 3, "world": 4, "decode": {"image": pixels}}
    first = next(iter(to_tensorflow(table.batches(rank=0, **asked))))
    assert {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in first.items()} == {
        "id": (tf.int64, (0,)),
        "list": (tf.float64, (0, 3)),
        "image": (tf.uint8, (0, 2, 2)),
        "word": (tf.string, (0,)),
        "features": (tf.float32, (0, 2)),
    }


def test_a_table_without_rows_has_no_batches(tmp_path: Path) -> None:
    table = lake(tmp_path, {"x": pa.array([], pa.float32()), "list": pa.array([], pa.list_(pa.int8()))})
    dataset = to_tensorflow(table.batches())
    assert dataset.element_spec["list"] == tf.TensorSpec([None, None], tf.int8)
    assert int(dataset.cardinality()) == 0
    assert list(dataset) == []


def test_what_a_function_makes_of_no_row_is_not_known(tmp_path: Path) -> None:
    table = lake(tmp_path, {"image": pa.array([], pa.binary())})
    with pytest.raises(InputError, match='seeing what `decode` makes of "image"'):
        to_tensorflow(table.batches(decode={"image": pixels}))


def test_rows_of_another_shape_than_the_one_that_was_looked_at_are_told(table: ParquetTable) -> None:
    def uneven(data: memoryview) -> np.ndarray[Any, Any]:
        return np.zeros(np.frombuffer(data, np.uint8)[0] % 2 + 1)

    # By the reader where it has met both shapes by then, else by the dataset.
    with pytest.raises(
        (InputError, tf.errors.OpError), match=r'"image" (holds rows of|decodes to) float64\[\d+\] here'
    ):
        list(to_tensorflow(table.batches(columns=["image"], batch_rows=1, decode={"image": uneven})))


def example(batch: dict[str, Any]) -> tuple[Any, Any]:
    """A number, and twice that and one."""
    given = batch["float32"][:, None] / 100
    return given, 2 * given + 1


def test_a_gradient_tape_learns_from_it(table: ParquetTable) -> None:
    weight, bias = tf.Variable([[0.0]]), tf.Variable(0.0)

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow is not read by mypy here
    def step(given: Any, wanted: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((given @ weight + bias - wanted) ** 2)
        for variable, gradient in zip((weight, bias), tape.gradient(loss, [weight, bias]), strict=True):
            variable.assign_sub(0.5 * gradient)

    dataset = to_tensorflow(table.batches(columns=["float32"], batch_rows=BATCH_ROWS)).map(example)
    for _ in range(8):
        for given_, wanted in dataset:
            step(given_, wanted)
    assert abs(float(weight[0, 0]) - 2) < 0.05
    assert abs(float(bias) - 1) < 0.05


def test_keras_learns_from_it_and_knows_how_long_an_epoch_is(table: ParquetTable) -> None:
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    dataset = to_tensorflow(table.batches(columns=["float32"], batch_rows=BATCH_ROWS)).map(example)
    history = model.fit(dataset, epochs=8, validation_data=dataset, shuffle=False, verbose=0)
    assert history.params["steps"] == BATCHES
    assert history.history["val_loss"][-1] < 1e-3


def test_keras_trains_on_every_row_once_an_epoch_each_in_its_own_order(table: ParquetTable) -> None:
    seen = []

    class Noting(keras.Model):  # type: ignore[misc]  # Keras is not read by mypy here
        def train_step(self, data: Any) -> dict[str, Any]:
            seen.append(data["id"].numpy().tolist())
            return {"loss": 0.0}

    model = Noting()
    model.compile(run_eagerly=True)
    dataset = to_tensorflow(table.batches(columns=["id"], batch_rows=BATCH_ROWS))
    model.fit(dataset, epochs=3, shuffle=False, verbose=0)
    assert seen == [ids for epoch in range(3) for ids in epoch_of(table, epoch)]
