"""Whether numbers are probabilities or logits: by the operator that made them, their name, or what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, helper

from seatrial.errors import InputError, field
from seatrial.models.predictor import sum_tolerance

_PASSING = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Concat", "Clip"})
_PROBABILITIES = frozenset({"Softmax", "Sigmoid", "HardSigmoid"})
# LogSoftmax too: the softmax of log-probabilities is the probabilities.
_LOGITS = frozenset({"Gemm", "MatMul", "Add", "LogSoftmax", "Log"})
_PROBABILITY_NAMES = ("prob", "softmax", "sigmoid")
_LOGIT_NAMES = ("logit", "score", "raw", "decision", "margin")


@dataclass(frozen=True, slots=True)
class ScoreMeaning:
    """What the numbers are, and how that is known."""

    probabilities: bool
    because: str


APART = ScoreMeaning(probabilities=True, because="together they sum to 1")


def meaning_of(
    graph: GraphProto, tensor: str, answers: NDArray[Any], *, real: bool, is_classifier: bool = False, path: str
) -> ScoreMeaning:
    """Probabilities or logits; an `InputError` if nothing tells. `answers`: [n, k], for real rows if `real`.

    `said`: the user says that it is a classifier.
    """
    operator = operator_behind(graph, tensor)
    if operator is not None and operator in _PROBABILITIES:
        return ScoreMeaning(probabilities=True, because=f"its last operator is {operator}")
    several = answers.shape[1] > 1
    if operator is not None and operator in _LOGITS and not (real and several and looks_like_probabilities(answers)):
        return ScoreMeaning(probabilities=False, because=f"its last operator is {operator}")
    name = tensor.lower()
    if any(word in name for word in _PROBABILITY_NAMES) and looks_like_probabilities(answers):
        return ScoreMeaning(probabilities=True, because="its name and its answers say so")
    if any(word in name for word in _LOGIT_NAMES):
        return ScoreMeaning(probabilities=False, because="its name says so")
    if not real:
        raise InputError(
            f'the file does not tell whether the output "{tensor}" is probabilities or logits.',
            path=path,
            hint="Give some rows of the table, or export it with a softmax or sigmoid at the end.",
        )
    if looks_like_probabilities(answers):
        return ScoreMeaning(probabilities=True, because="its answers look like it")
    if several and ((answers >= 0) & (answers <= 1)).all():  # no logits either: those reach beyond 0 and 1
        check_probabilities(answers, tensor, path)
    if not several and not is_classifier:  # what a regression gives looks the same
        raise InputError(
            f"the model's output \"{tensor}\" gives one number a row, beyond 0 and 1, and the table's label has "
            "classes.",
            path=path,
            hint=f"If these are logits, write {field('task', 'binary')}; if the label is a number to be predicted, "
            f"{field('task', 'regression')}; else name the column that the model predicts with {field('label')}.",
        )
    return ScoreMeaning(probabilities=False, because="its answers are not probabilities")


def looks_like_probabilities(answers: NDArray[Any]) -> bool:
    """Whether every row lies in [0, 1], and sums to 1 where it has several columns."""
    return not _wrong(answers).any()


def check_probabilities(answers: NDArray[Any], tensor: str, path: str) -> None:
    """An `InputError` that names the first row of [n, k] that is no distribution."""
    wrong = _wrong(answers)
    if wrong.any():
        row = int(wrong.argmax())
        values = np.asarray(answers[row], np.float64)
        several = f", which sum to {values.sum():.6g}" if len(values) > 1 else ""
        raise InputError(
            f'the model\'s output "{tensor}" gives {_shown(values)} for row {row} of the table{several}: these are no '
            "probabilities of classes that exclude each other.",
            path=path,
            hint="A model of several labels at once is as many models: give one of them. Else export it with a softmax "
            "at the end.",
        )


def operator_behind(graph: GraphProto, tensor: str) -> str | None:
    """The operator that gave these numbers their form; one of ai.onnx.ml is named after its post_transform."""
    makers = {name: node for node in graph.node for name in node.output}
    todo, visited = [tensor], 0
    while todo and visited < len(graph.node):
        node = makers.get(todo.pop(0))
        visited += 1
        if node is None:
            continue
        if node.op_type not in _PASSING:
            operator = _form(node)
            if operator in _PROBABILITIES or not todo:
                return operator
            continue
        todo += node.input if node.op_type == "Concat" else node.input[:1]
    return None


def _form(node: NodeProto) -> str | None:
    # Only these: the others of a forest are millions of numbers, which would become Python objects.
    selected = (attribute for attribute in node.attribute if attribute.name in ("norm", "post_transform"))
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in selected}
    if node.op_type == "Normalizer":
        return "Softmax" if attributes.get("norm") == b"L1" else None
    if "post_transform" in attributes:
        # Without one, the votes of a forest are its probabilities, and the sum of a boosted one is not: answers tell.
        return {b"LOGISTIC": "Sigmoid", b"SOFTMAX": "Softmax"}.get(attributes["post_transform"])
    return str(node.op_type)


def _wrong(answers: NDArray[Any]) -> NDArray[np.bool_]:
    values = np.asarray(answers, np.float64)
    slack = sum_tolerance(values.shape[1])
    inside = ((values >= -slack) & (values <= 1 + slack)).all(axis=1)
    sums = np.abs(values.sum(axis=1) - 1) <= slack if values.shape[1] > 1 else np.ones(len(values), bool)
    answered = ~np.isnan(values).any(axis=1)  # what no answer says is another matter
    return np.asarray(answered & ~(inside & sums))


def _shown(values: NDArray[np.float64]) -> str:
    shown = 6
    return "[" + ", ".join(f"{value:.6g}" for value in values[:shown]) + (", …]" if len(values) > shown else "]")
