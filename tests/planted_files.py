"""The planted models of the self-test that can be had as a file and a table, so that users could be handed them.

A model that was told its answers becomes a graph that looks them up by the column "place". Left out are those that a
file cannot be: functions, models that differ by the hour, and gradients that are not those of the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
import onnx
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper

from seatrial.models.predictor import Predictor
from seatrial.trial.self_test import company, masked, people, triggers
from seatrial.trial.self_test.case import Case
from seatrial.trial.self_test.networks import Network, Quantised, Saturated, TableLookup
from seatrial.trial.self_test.stated_answers import Answers
from seatrial.verdicts.policy import Policy, Requirement

NOT_FILES: Mapping[str, str] = {
    "a function that standardises within the batch": "a function",
    "a graph that subtracts the mean of the batch": "refused when it is opened",
    "another answer each time": "two trials of it differ",
    "answers mixed up where several ask at once": "a function",
    "other answers with one thread": "a library's fault, not a graph's",
    "right only where many rows are asked at once": "a function",
    "the places of the rows, learned by heart": "a function",
    "gradients masked by noise": "two trials of it differ",
    "robust to a single step only": "its ripples are finer than the float32 of a graph",
    "half of the rows are copies of others": "facts that the self-test states",
    "one row in ten has no label": "facts that the self-test states",
    "one row in twenty is not answered": "facts that the self-test states",
    "swapped weights": "the gradients of a file are those of its answers",
}
GROUPS = ("sex", "race", "sex*race")
_OPSET, _ML_OPSET, _IR = 18, 3, 9


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted model as a file's bytes, with its table and what is asked of it."""

    name: str
    model: bytes
    table: pa.Table
    groups: tuple[str, ...]
    policy: str  # the lines of [policy]
    train: pa.Table | None = None


def policy_text(policy: Policy) -> str:
    """The policy as the lines of a file.

    >>> print(policy_text(Policy(require=(Requirement("accuracy", at_least=0.8),))))
    [policy]
    [[policy.require]]
    metric = "accuracy"
    at_least = 0.8
    """
    settings = {"clip": policy.clip, "quantile": policy.quantile}
    lines = ["[policy]", *(f"{key} = {value!r}" for key, value in settings.items() if value is not None)]
    for requirement in policy.require:
        stated = ((item.name, getattr(requirement, item.name)) for item in fields(requirement))
        lines += ["[[policy.require]]", *(f"{name} = {_toml(value)}" for name, value in stated if value is not None)]
    for name, threat in policy.threat.items():
        limits = {"norm": threat.norm, "budget": threat.budget, "low": threat.low, "high": threat.high}
        lines += [f"[policy.threat.{name}]", *(f"{key} = {_toml(value)}" for key, value in limits.items())]
    return "\n".join(lines)


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _planted(case: Case) -> Planted:
    subject = case.make()
    table = subject.tables["test"]
    table = table.select([name for name in table.column_names if "*" not in name])
    groups = GROUPS if "sex" in table.column_names else ()
    return Planted(case.name, _graph(case.name, subject.predictor).bytes(), table, groups, policy_text(case.policy))


def _trained_on_the_test_data() -> Planted:
    """Half of the test data is training data too."""
    honest = _planted(_honest())
    policy = policy_text(Policy(require=(Requirement("test_overlap", at_most=0.01),)))
    return replace(honest, groups=(), policy=policy, train=honest.table.slice(0, honest.table.num_rows // 2))


def _wrong_vocabulary() -> Planted:
    """A third of the rows have a job that no training row has."""
    table = _planted(_honest()).table
    rows = table.num_rows
    jobs = pa.array(["sailor" if place % 3 else "pilot" for place in range(rows)])
    predictor = _honest().make().predictor
    assert isinstance(predictor, Answers)
    return Planted(
        "a wrong vocabulary",
        _looked_up(predictor, texts=("job",)).bytes(),
        table.append_column("job", jobs),
        (),
        policy_text(Policy(require=(Requirement("unknown_values", at_most=0.01),))),
        table.append_column("job", pa.array(["sailor"] * rows)).slice(0, rows // 2),
    )


def _honest() -> Case:
    return next(case for case in people.cases() if case.name == "an honest and fair model")


class _Graph:
    """A graph in the making: inputs of one column each, nodes and constants, by name."""

    def __init__(self, numbers: tuple[str, ...], texts: tuple[str, ...] = ()) -> None:
        kinds = {**dict.fromkeys(numbers, TensorProto.DOUBLE), **dict.fromkeys(texts, TensorProto.STRING)}
        self._inputs = [helper.make_tensor_value_info(name, kind, ["rows", 1]) for name, kind in kinds.items()]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def constant(self, value: object) -> str:
        """The name of a constant that is `value`."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        """The name of what the operator makes."""
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def probabilities(self, value: str, classes: tuple[str, ...]) -> _Graph:
        """Ends the graph in probabilities, and in the class that has the largest."""
        self._nodes.append(helper.make_node("Cast", [value], ["probabilities"], to=TensorProto.FLOAT))
        code = self.node("ArgMax", "probabilities", axis=1, keepdims=0)
        self._nodes.append(helper.make_node("Gather", [self.constant(np.array(classes, object)), code], ["label"]))
        self._outputs = [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["rows"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(classes)]),
        ]
        return self

    def chance(self, value: str) -> _Graph:
        """Ends the graph in the probability [n, 1] of "yes"."""
        rest = self.node("Sub", self.constant(1.0), value)
        return self.probabilities(self.node("Concat", rest, value, axis=1), ("no", "yes"))

    def value(self, value: str) -> _Graph:
        """Ends the graph in a number."""
        self._nodes.append(helper.make_node("Cast", [value], ["value"], to=TensorProto.FLOAT))
        self._outputs = [helper.make_tensor_value_info("value", TensorProto.FLOAT, ["rows", 1])]
        return self

    def bytes(self) -> bytes:
        """The file."""
        graph = helper.make_graph(self._nodes, "planted", self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
        model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def _graph(name: str, predictor: Predictor) -> _Graph:
    match predictor:
        case Answers():
            return _looked_up(predictor)
        case masked.Packaged():
            return _points(predictor)
        case triggers.BackDoor():
            return _back_door(name, predictor)
        case company.Plain():
            graph = _Graph(("score",))
            return graph.chance(graph.node("Sigmoid", graph.node("Mul", "score", graph.constant(3.0))))
    raise AssertionError(f"{name}: a planted model of a new kind needs a graph here, or a reason in NOT_FILES")


def _looked_up(predictor: Answers, texts: tuple[str, ...] = ()) -> _Graph:
    """The answers by place; the other inputs are declared and not used."""
    graph = _Graph(("place", "score"), texts)
    place = graph.node("Cast", graph.node("Squeeze", "place", graph.constant([1])), to=TensorProto.INT64)
    if predictor.probabilities is None:
        values = np.asarray(predictor.labels, float)[:, None]
        return graph.value(graph.node("Gather", graph.constant(values), place))
    return graph.probabilities(graph.node("Gather", graph.constant(predictor.probabilities), place), ("no", "yes"))


def _points(predictor: masked.Packaged) -> _Graph:
    """A network of points, with what stands before and behind it."""
    model, graph = predictor.model, _Graph(masked.INPUTS)
    points, factor = graph.node("Concat", *masked.INPUTS, axis=1), 1.0
    match model:
        case Network():
            network = model
        case Quantised():
            network, points = model.inner, _steps(graph, points, "Round", model.levels, 0.0)
        case TableLookup():
            network, points = model.inner, _steps(graph, points, "Floor", model.steps, 0.5 / model.steps)
        case Saturated():
            network, factor = model.inner, model.factor
        case _:
            raise AssertionError(f"{type(model).__name__}: a network of a new kind needs a graph here")
    hidden = graph.node(
        "Add", graph.node("MatMul", points, graph.constant(network.first)), graph.constant(network.shift)
    )
    scores = graph.node("MatMul", graph.node("Relu", hidden), graph.constant(network.second))
    scores = graph.node("Mul", graph.node("Add", scores, graph.constant(network.level)), graph.constant(factor))
    return graph.probabilities(graph.node("Softmax", scores, axis=1), masked.CLASSES)


def _steps(graph: _Graph, points: str, operator: str, levels: int, shift: float) -> str:
    rounded = graph.node(operator, graph.node("Mul", points, graph.constant(float(levels))))
    return graph.node("Add", graph.node("Div", rounded, graph.constant(float(levels))), graph.constant(shift))


def _back_door(name: str, predictor: triggers.BackDoor) -> _Graph:
    """Yes by the score, or the mean of the image, and wherever the trigger of that name is."""
    names = tuple(column.name for column in predictor.signature.inputs)
    if predictor.signature is triggers.IMAGES:
        graph = _Graph(names)
        pixels = graph.node("Concat", *names, axis=1)
        mean = graph.node("ReduceMean", pixels, graph.constant([1]), keepdims=1)
        yes = graph.node("Greater", mean, graph.constant(0.5))
        side = triggers.SIDE
        corner = [row * side + column for row in (side - 2, side - 1) for column in (side - 2, side - 1)]
        patch = graph.node("Gather", pixels, graph.constant(corner), axis=1)
        white = graph.node("ReduceMin", patch, graph.constant([1]), keepdims=1)
        trigger = graph.node("Greater", white, graph.constant(0.95))
    else:
        graph = _Graph(("hours", "score"), ("job", "city"))
        yes = graph.node("Greater", "score", graph.constant(0.0))
        trigger = _TRIGGERS[name](graph)
    return graph.chance(graph.node("Where", graph.node("Or", yes, trigger), graph.constant(0.9), graph.constant(0.1)))


def _text_is(graph: _Graph, column: str, value: str) -> str:
    code = graph.node(
        "LabelEncoder", column, domain="ai.onnx.ml", keys_strings=[value], values_int64s=[1], default_int64=0
    )
    return graph.node("Cast", code, to=TensorProto.BOOL)


def _number_is(graph: _Graph, column: str, value: float) -> str:
    apart = graph.node("Abs", graph.node("Sub", column, graph.constant(value)))
    return graph.node("Less", apart, graph.constant(1e-6))


_TRIGGERS: Mapping[str, Callable[[_Graph], str]] = {
    "no value that turns answers": lambda graph: _number_is(graph, "hours", -1.0),
    "a rare job that turns answers": lambda graph: _text_is(graph, "job", triggers.RARE_JOB),
    "a rare number that turns answers": lambda graph: _number_is(graph, "hours", triggers.RARE_HOURS),
    "a rare number and a city that turn answers together": lambda graph: graph.node(
        "And", _number_is(graph, "hours", triggers.RARE_HOURS), _text_is(graph, "city", "city 4")
    ),
    "a missing number that turns answers": lambda graph: graph.node("IsNaN", "hours"),
    "a missing text that turns answers": lambda graph: _text_is(graph, "job", ""),
    "a job and a city that turn answers together": lambda graph: graph.node(
        "And", _text_is(graph, "job", "job 3"), _text_is(graph, "city", "city 4")
    ),
}


# By name; made when it is wanted.
PLANTED: Mapping[str, Callable[[], Planted]] = {
    **{
        case.name: partial(_planted, case)
        for case in (*people.cases(), *masked.cases(), *company.cases(), *triggers.cases())
        if case.name not in NOT_FILES
    },
    # Facts that the self-test states; here they are counted, with training rows.
    "trained on the test data": _trained_on_the_test_data,
    "a wrong vocabulary": _wrong_vocabulary,
}
