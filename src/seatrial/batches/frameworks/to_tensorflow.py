"""Batches as a `tf.data.Dataset`, for TensorFlow and Keras."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from seatrial.batches.frameworks.array_specs import Array, arrays_of
from seatrial.batches.reading.batch_work import Batch
from seatrial.batches.reading.reader import Batches
from seatrial.errors import InputError


def to_tensorflow(batches: Batches) -> Any:
    """The batches as a `tf.data.Dataset` of dicts of tensors by name; they are batches already: no `.batch`.

    Numbers are as they are, text is tf.string, dates are int64. The spec is the schema's; for lists, and for what
    `decode` makes, one row is read at once to see its shape, and `InputError` says that there is none to decode.

    Every pass over the dataset is the next epoch, in an order of its own, the first being that of `batches`: so
    `model.fit(dataset, epochs=8, shuffle=False)` trains on eight. A pass that is left early counts as well. Where
    `batches` begins in the middle of an epoch, at a cursor, the first pass is the rest of it, and begins there again
    until one came to its end; whole epochs follow. Keras takes the length of all from the first: give it the rest in a
    `fit` of its own. TensorFlow reads ahead of the training, so a cursor is made from the steps that were taken:
    `table.batches(epoch=…).cursor(ahead=steps)`.

    What goes wrong while rows are read, TensorFlow raises as an error of its own, with our message in it.
    """
    arrays = arrays_of(batches)
    specs = {name: _spec(name, array, path=batches.opened.source.path) for name, array in arrays.items()}
    passes = _Passes(batches, specs)
    dataset = tf.data.Dataset.from_generator(passes.one, output_signature=specs)
    if passes.whole:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return dataset


class _Passes:
    """Where the next pass over a dataset begins; whoever drops a pass ends its threads."""

    def __init__(self, batches: Batches, specs: dict[str, Any]) -> None:
        self._specs, self._path = specs, batches.opened.source.path
        self._epoch = batches.epoch
        self._batches = batches.at(epoch=self._epoch)  # the reader itself stays the user's, with what it has started
        cursor = batches.cursor()
        self._cursor = None if cursor == self._batches.cursor() else cursor
        self._lock = threading.Lock()  # passes may run side by side

    @property
    def whole(self) -> bool:
        """Whether every pass is a whole epoch."""
        return self._cursor is None

    def one(self) -> Iterator[dict[str, NDArray[Any]]]:
        """One pass; it begins when its first batch is asked for."""
        with self._lock:
            epoch, cursor = self._epoch, self._cursor
            if cursor is None:
                self._epoch += 1
        with self._batches.at(epoch=epoch, cursor=cursor) as reader:
            for batch in reader:
                yield _element(batch, self._specs, path=self._path)
        with self._lock:
            if cursor is not None and cursor == self._cursor:
                self._epoch, self._cursor = epoch + 1, None


def _spec(name: str, array: Array | None, *, path: str) -> Any:
    if array is None:
        raise InputError(
            f'seeing what `decode` makes of "{name}" takes one row, but the table has 0.',
            path=path,
            hint="Read a table that has rows.",
        )
    kind = tf.string if array.dtype.kind == "T" else tf.int64 if array.dtype.kind == "M" else array.dtype
    return tf.TensorSpec((None, *array.row_shape), kind)


def _element(batch: Batch, specs: dict[str, Any], *, path: str) -> dict[str, NDArray[Any]]:
    """The arrays as the specs have them."""
    arrays = {}
    for name, array in batch.items():
        spec = specs[name]
        if array.dtype.kind == "M":
            arrays[name] = array.view("int64")
        elif len(array) == 0 and spec.dtype != tf.string:  # a rank's stripe: what it would hold was not seen
            arrays[name] = np.empty([size or 0 for size in spec.shape], spec.dtype.as_numpy_dtype)
        elif spec.shape.is_compatible_with(array.shape) and (spec.dtype == tf.string or spec.dtype == array.dtype):
            arrays[name] = array
        else:
            raise InputError(
                f'"{name}" holds rows of {array.dtype}{list(array.shape[1:])} here, and of {spec.dtype.name}'
                f"{spec.shape[1:].as_list()} in the row that was looked at first.",
                path=path,
                hint="Give every row the same shape and type.",
            )
    return arrays
