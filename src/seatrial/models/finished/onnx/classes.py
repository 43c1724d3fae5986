"""What the classes of a finished classifier are called, and in which order its probabilities give them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import onnx
from onnx import GraphProto, NodeProto, helper, numpy_helper

from seatrial.errors import InputError, field

# What stands between a list of classes and the label that is made of it.
_PASSING = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
_CHOOSING = frozenset({"ArrayFeatureExtractor", "Gather"})


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The classes in the order of the probabilities, and how they were found.

    `guessed`: nothing names them, and the label's values were taken in an order of their own.
    """

    classes: tuple[str, ...]
    note: str | None = None
    guessed: bool = False


def name_classes(
    count: int,
    *,
    declared: tuple[str, ...] | None,
    labels: Sequence[str] | None,
    requested: tuple[str, ...] | None,
    path: str,
) -> ClassNames:
    """The names of `count` classes: the user's, else the file's, else the table's label values in the order given.

    Numbers 0, 1, … are no names where the label has others. An `InputError` where they don't fit each other.
    """
    _check(requested, count, f"{field('classes')} names", path)
    _check(declared, count, "the file names", path)
    if requested is not None:
        return ClassNames(requested)
    codes = tuple(str(code) for code in range(count))
    names = codes if declared is None else declared
    if labels is None or (labels and set(labels) <= set(names)):
        return ClassNames(names, None if declared else f"classes: {', '.join(codes)}, for the file names none")
    if names == codes and len(labels) == count:
        ordered = tuple(labels)
        return ClassNames(
            ordered,
            f"classes: {', '.join(ordered)}, the label's values in their order, as 0 to {count - 1} "
            f"({field('classes')} says otherwise)",
            guessed=True,
        )
    if declared is None or declared == codes:
        raise InputError(
            f"the model gives {count} classes without names, the table's label has {len(labels)}: {_some(labels)}.",
            path=path,
            hint=f"Name them in the order of the probabilities: {field('classes', 'a,b,c')}.",
        )
    if not set(labels) & set(declared):
        raise InputError(
            f"the model's classes are {_some(declared)}, the table's label has {_some(labels)}.",
            path=path,
            hint=f"Name the label's values in the order of the model's classes, {field('classes', 'a,b,c')}, or "
            f"another {field('label')}.",
        )
    return ClassNames(declared)


def in_order(labels: Sequence[str], *, texts: bool = False) -> list[str]:
    """The values as whoever numbered them will have had them: numbers by size, texts (`texts`: all are) by letter."""
    if texts:
        return sorted(labels)
    try:
        return sorted(labels, key=float)
    except ValueError:
        return sorted(labels)


def declared_classes(graph: GraphProto, tensors: Sequence[str]) -> tuple[str, ...] | None:
    """The classes that the nodes behind these tensors name; None where they name none, or several lists."""
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    # A label that is chosen from a list is surer than the numbers of the operator that counts its votes.
    for candidates in (
        {classes for tensor in tensors for classes in _chosen_from(tensor, makers, constants)},
        {classes for tensor in tensors for classes in _attributes(tensor, makers)},
    ):
        if len(candidates) == 1:
            return candidates.pop()
    return None


def _chosen_from(
    tensor: str, makers: dict[str, NodeProto], constants: dict[str, onnx.TensorProto]
) -> Iterator[tuple[str, ...]]:
    node = makers.get(tensor)
    while node is not None and node.op_type in _PASSING:
        node = makers.get(node.input[0])
    if node is None:
        return
    if node.op_type in _CHOOSING and node.input[0] in constants:
        values = numpy_helper.to_array(constants[node.input[0]]).reshape(-1)
        if values.dtype.kind in "OiuSU":
            yield tuple(_text(value) for value in values.tolist())
    if node.op_type == "LabelEncoder":
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        keys, values = attributes.get("keys_int64s"), attributes.get("values_strings")
        if keys and values:
            yield tuple(_text(value) for _, value in sorted(zip(keys, values, strict=False)))


def _attributes(tensor: str, makers: dict[str, NodeProto]) -> Iterator[tuple[str, ...]]:
    todo, visited = [tensor], set[str]()
    while todo:
        name = todo.pop()
        node = None if name in visited else makers.get(name)
        visited.add(name)
        if node is None:
            continue
        lists = [
            helper.get_attribute_value(attribute)
            for attribute in node.attribute
            if attribute.name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
        ]
        yield from (tuple(_text(value) for value in values) for values in lists if values)
        if not lists:
            todo += node.input


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _check(classes: tuple[str, ...] | None, count: int, who: str, path: str) -> None:
    if classes is not None and (len(classes) != count or len(set(classes)) != count):
        raise InputError(
            f"{who} {len(classes)} classes ({_some(classes)}), the model gives {count} probabilities.",
            path=path,
            hint=f"Name {count} different classes in the order of the probabilities: {field('classes', 'a,b,c')}.",
        )


def _some(names: Sequence[str]) -> str:
    shown = 8
    return ", ".join(names) if len(names) <= shown else f"{', '.join(names[:shown])}, … ({len(names)})"
