"""What a reader of another format hands over: an ONNX graph, and the original's own answers to compare it with."""

from __future__ import annotations

from collections.abc import Callable
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
    for a blank in the name of a feature.
    """

    model: onnx.ModelProto
    task: Task
    features: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    answer: Answer | None = None
    notes: tuple[str, ...] = ()
    blanks_as: str | None = None
    library: str = "the original"  # "XGBoost": who answered
