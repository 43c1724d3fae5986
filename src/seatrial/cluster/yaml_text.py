"""Manifests as YAML text: one text for one value, and every reader gives the same value back.

Strings other than plain words are quoted, as JSON strings or literal blocks. A writer that leaves bare whatever its own
YAML version calls a string goes wrong between readers: PyYAML 6 writes the text "1e3" bare, and kubectl reads a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

Manifest = dict[str, object]

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")  # what both YAML versions read as the string it is…
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})  # …but for these
_ESCAPED = re.compile(
    "[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)  # unprintable in YAML; JSON lets them stand
_BLOCK = re.compile(r"[\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]*\n")  # may stand in a literal block


def to_yaml(value: Mapping[str, object]) -> str:
    """A YAML document of mappings, sequences, strings, integers and booleans; keys keep their order."""
    return "---\n" + "".join(f"{line}\n" for line in _block(value))


def _block(value: object) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _entry(f"{_key(key)}:", item)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for item in value:
            first, *rest = _block(item)
            yield f"- {first}"
            yield from (f"  {line}" if line else "" for line in rest)
    else:
        yield _scalar(value)


def _entry(head: str, value: object) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value and _is_literal(value):
        yield f"{head} |"
        yield from (f"  {line}" if line else "" for line in value[:-1].split("\n"))
    elif isinstance(value, (Mapping, list, tuple)) and value:
        yield head
        yield from (f"  {line}" if line else "" for line in _block(value))
    else:
        yield f"{head} {_scalar(value)}"


def _is_literal(text: str) -> bool:
    """Whether `|` keeps the text as it is: printable, ends in exactly one line break, starts unindented."""
    return (
        _BLOCK.fullmatch(text) is not None
        and not text.endswith("\n\n")
        and not text.startswith((" ", "\t", "\n"))
        and not any(mark in text for mark in "\x85\u2028\u2029")  # line breaks of YAML 1.1 alone
    )


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a manifest's keys are strings, not {key!r}")
    return _scalar(key)


def _scalar(value: object) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return "{}" if isinstance(value, Mapping) else "[]"
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) and value.lower() not in _RESERVED else _quoted(value)
    if isinstance(value, int):  # bool too
        return json.dumps(value)
    raise TypeError(f"a manifest holds no {type(value).__name__}: {value!r}")


def _quoted(text: str) -> str:
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
