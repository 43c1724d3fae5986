"""A package's provenance as lists of facts, whatever it holds: code, parameters, data, environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_DIGEST_LENGTH = 64
_TITLES = {"code": "Code", "parameters": "Parameters", "data": "Data snapshots", "environment": "Environment"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str
    mono: bool = False  # a digest, an address or a version: set in a fixed-width face


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts under one heading."""

    title: str
    facts: tuple[Fact, ...]


def fact_groups(provenance: Mapping[str, object]) -> tuple[FactGroup, ...]:
    """One group for each nested mapping, the known ones first; single values together under "Model package"."""
    known = [key for key in _TITLES if key in provenance]
    others = [key for key in provenance if key not in _TITLES]
    nested, single = [], []
    for key in (*known, *others):
        facts = tuple(_facts(provenance[key], ""))
        if isinstance(provenance[key], Mapping | list | tuple):
            nested.append(FactGroup(_title(key), facts or (Fact("none", "–"),)))
        else:
            single.append(Fact(_title(key), facts[0].value, mono=facts[0].mono))
    return (*((FactGroup("Model package", tuple(single)),) if single else ()), *nested)


def _facts(value: object, name: str) -> Iterator[Fact]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _facts(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if all(not isinstance(item, Mapping | list | tuple) for item in value):
            yield Fact(name, ", ".join(_text(item) for item in value) or "–")
        else:
            for index, item in enumerate(value):
                yield from _facts(item, f"{name}[{index}]")
    else:
        text = _text(value)
        yield Fact(name, text, mono=len(text) >= _DIGEST_LENGTH or isinstance(value, int | float))


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _title(key: str) -> str:
    return _TITLES.get(key, key.replace("_", " ").capitalize())
