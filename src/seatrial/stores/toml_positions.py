"""TOML that remembers where each key stood, so that a mistake found later can still name its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from seatrial.errors import InputError

if TYPE_CHECKING:
    from tree_sitter import Node

Place = tuple[str | int, ...]


def read_toml(text: str, path: str) -> tuple[dict[str, Any], Mapping[Place, int]]:
    """The document, and the line (from 1) of every key and array item by its path: ("policy", "require", 0, "metric").

    `tomllib` decides what the text means; tree-sitter only says where it stands. Broken syntax raises `InputError`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem, line = _without_place(str(error), text)
        raise InputError(
            f"the file is not TOML: {problem}.", path=path, line=line, hint="Correct the syntax."
        ) from None
    except RecursionError:
        raise _too_deep(path) from None
    from tree_sitter import Language, Parser
    from tree_sitter_toml import language

    positions: dict[Place, int] = {}
    try:
        for place, line in _document(Parser(Language(language())).parse(text.encode()).root_node):
            positions.setdefault(place, line)
    except RecursionError:
        raise _too_deep(path) from None
    return document, positions


def _too_deep(path: str) -> InputError:
    return InputError(
        "the file's values are nested too deeply to be read.", path=path, hint="Write fewer levels of brackets."
    )


def line_of(positions: Mapping[Place, int], place: Place) -> int | None:
    """The line of `place`, or of the nearest key around it: what is missing has no line of its own."""
    for end in range(len(place), 0, -1):
        if (line := positions.get(place[:end])) is not None:
            return line
    return None


def _without_place(message: str, text: str) -> tuple[str, int]:
    match = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if match is None:
        return message, 1
    line = int(match[1]) if match[1] else max(1, len(text.splitlines()))
    return message[: match.start()], line


def _document(root: Node) -> Iterator[tuple[Place, int]]:
    counts: dict[Place, int] = {}  # how many [[tables]] of each array were opened so far
    for node in root.named_children:
        if node.type == "pair":
            yield from _pair(node, ())
        elif node.type in ("table", "table_array_element"):
            place: Place = ()
            *outer, last = _keys(node.named_children[0])
            for key in outer:
                place = _inside(counts, (*place, key))
                yield place, _line(node)
            place = (*place, last)
            yield place, _line(node)
            if node.type == "table_array_element":
                counts[place] = counts.get(place, 0) + 1
            place = _inside(counts, place)
            yield place, _line(node)
            for child in node.named_children[1:]:
                if child.type == "pair":
                    yield from _pair(child, place)


def _inside(counts: Mapping[Place, int], place: Place) -> Place:
    return (*place, counts[place] - 1) if place in counts else place


def _pair(node: Node, outer: Place) -> Iterator[tuple[Place, int]]:
    place = outer
    for key in _keys(node.named_children[0]):
        place = (*place, key)
        yield place, _line(node)
    yield from _value(node.named_children[-1], place)


def _value(node: Node, place: Place) -> Iterator[tuple[Place, int]]:
    if node.type == "inline_table":
        for child in node.named_children:
            if child.type == "pair":
                yield from _pair(child, place)
    elif node.type == "array":
        items = [child for child in node.named_children if child.type != "comment"]
        for index, item in enumerate(items):
            yield (*place, index), _line(item)
            yield from _value(item, (*place, index))


def _keys(node: Node) -> Iterator[str]:
    if node.type == "dotted_key":
        for child in node.named_children:
            yield from _keys(child)
    elif node.type == "quoted_key":
        (key,) = tomllib.loads(f"{_text(node)} = 0")
        yield key
    else:
        yield _text(node)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1
