"""What a reader of another format hands over: an ONNX graph, and the original's own answers to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import onnx
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.models.signature import Task

# rows, and the names of their columns in the order of the features → the own library's answers: probabilities
# [n, classes] or [n] (of the second class), or values [n]
Answer = Callable[[pa.Table, tuple[str, ...]], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A model of another format as ONNX.

    `model` takes one matrix of float32 or float64 [n, width], or named columns [n, 1] (float64, and strings where the
    file keeps the texts of its categories), and gives one output: probabilities [n, classes], one column of
    probabilities [n, 1] (of the second class), or values [n] or [n, 1]. `features` names the matrix's columns, where
    the file does; `classes` the classes in the order of the probabilities, where it does. `answer` is the original's
    own library asked for the same rows; None where that library is not installed. `blanks_as` is what the file writes
    for a blank in the name of a feature. `numbered` are the library's own names for columns without one.
    """

    model: onnx.ModelProto
    task: Task
    features: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    answer: Answer | None = None
    notes: tuple[str, ...] = ()
    blanks_as: str | None = None
    numbered: tuple[str, ...] = ()
    library: str = "the original"  # "XGBoost": who answered

    def features_in(self, columns: Collection[str]) -> tuple[str, ...] | None:
        """The names of the matrix's columns for a table of these columns; None where its order alone tells.

        A table with columns named as the library numbers them was named after them. Counted from 1 its order tells.
        """
        if self.features is not None or not set(self.numbered) & set(columns):
            return self.features
        prefix, width = self.numbered[0].removesuffix("0"), len(self.numbered)
        from_one = {f"{prefix}{number}" for number in range(1, width + 1)}
        return None if from_one <= set(columns) and self.numbered[0] not in columns else self.numbered
