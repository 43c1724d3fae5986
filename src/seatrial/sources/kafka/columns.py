"""The types that columns of records can have, written as in SQL, and whether a table can take a declared schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from seatrial.errors import InputError

_TIMES = {"timestamp": pa.timestamp("us", tz="UTC"), "timestamp_ntz": pa.timestamp("us")}
_PLAIN: dict[str, Any] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    **_TIMES,
}
_NAMES = {kind: name for name, kind in _PLAIN.items()} | {pa.large_string(): "string", pa.large_binary(): "binary"}
_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|\d+|[<>(),:])")
MOST_DIGITS = 38  # of a decimal, in Spark and Iceberg alike
HINT = f"Known: {', '.join(_PLAIN)}, decimal(10,2), array<…>, map<string,…>, struct<name: …>."


def declared_schema(columns: Mapping[str, str], required: Iterable[str]) -> pa.Schema:
    """The Arrow schema of columns that are declared by name and type; `InputError` names the one that is wrong."""
    required = set(required)
    if unknown := sorted(required - columns.keys()):
        raise InputError(f'unknown column "{unknown[0]}" in required.', path=unknown[0], hint="Declare it in columns.")
    if not columns:
        raise InputError("columns must name at least one.", path="columns", hint='Write columns = { id = "bigint" }.')
    if len({name.lower() for name in columns}) < len(columns):
        raise InputError(
            "two columns differ by upper and lower case alone, which Spark does not tell apart.",
            path="columns",
            hint="Rename one.",
        )
    return pa.schema(
        [pa.field(name, parse_type(text), nullable=name not in required) for name, text in columns.items()]
    )


def parse_type(text: str) -> pa.DataType:
    """The Arrow type of a type as SQL writes it.

    >>> parse_type("array<decimal(10, 2)>")
    ListType(list<element: decimal128(10, 2)>)
    """
    parser = _Parser(text)
    kind = parser.kind()
    parser.end()
    return kind


def type_name(kind: pa.DataType) -> str:
    """A type as `parse_type` reads it; of one that records cannot hold, Arrow's own name."""
    if pa.types.is_decimal128(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"array<{type_name(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{type_name(kind.key_type)},{type_name(kind.item_type)}>"
    if pa.types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        return f"struct<{','.join(f'{each.name}:{type_name(each.type)}' for each in fields)}>"
    return _NAMES.get(kind, str(kind))


def missing_columns(declared: pa.Schema, table: pa.Schema, identifier: str, *, has_rows: bool) -> list[str]:
    """The declared columns that the table lacks and can be given; `InputError` where it cannot take the records."""
    there = {field.name: field for field in table}
    spellings = {name.lower(): name for name in there}
    missing = []
    for field in declared:
        if field.name not in there and (spelling := spellings.get(field.name.lower())) is not None:
            raise InputError(
                f'column "{field.name}" is "{spelling}" in the table: Spark does not tell upper and lower case apart.',
                path=identifier,
                hint=f'Write "{spelling}" in seatrial.toml.',
            )
        if (column := there.pop(field.name, None)) is None:
            if not field.nullable and has_rows:
                raise InputError(
                    f'column "{field.name}" is declared as required, and the table\'s rows do not have it.',
                    path=identifier,
                    hint="Leave it out of required, or name a new table.",
                )
            missing.append(field.name)
        elif type_name(column.type) != type_name(field.type):
            raise InputError(
                f'column "{field.name}" has type {type_name(column.type)} in the table, '
                f"and is declared as {type_name(field.type)}.",
                path=identifier,
                hint="Correct columns in seatrial.toml, or name a new table.",
            )
        elif not column.nullable and field.nullable:
            raise InputError(
                f'column "{field.name}" is required in the table, and declared as one that may be null.',
                path=identifier,
                hint="Add it to required in seatrial.toml.",
            )
    if undeclared := [field.name for field in there.values() if not field.nullable]:
        raise InputError(
            f'column "{undeclared[0]}" is required in the table, and the declared columns lack it.',
            path=identifier,
            hint="Add it to columns in seatrial.toml.",
        )
    return missing


def refuse_formatted(types: Mapping[str, Iterable[str]], names: Iterable[str], identifier: str) -> None:
    """Raises `InputError` where a column to be filled has an Iceberg type that Spark writes as text or bytes.

    Spark shows `uuid` as string and `fixed[n]` as binary: a value of another form or length ends Iceberg's writer.
    """
    for name in names:
        for kind in types.get(name, ()):
            if kind == "uuid" or kind.startswith("fixed"):
                raise InputError(
                    f'column "{name}" has the Iceberg type {kind}, which JSON records do not fill.',
                    path=identifier,
                    hint="Declare the topic's columns in seatrial.toml without it, or name another table.",
                )


def refuse_dropped(names: Iterable[str], table: Iterable[str], identifier: str) -> None:
    """Raises `InputError` where the table lost a column that records are read into."""
    there = set(table)
    if dropped := [name for name in names if name not in there]:
        raise InputError(
            f'column "{dropped[0]}" was dropped or renamed while the topic was ingested into it.',
            path=identifier,
            hint="Run again: a declared column is added. Or correct columns in seatrial.toml first.",
        )


class _Parser:
    """A type's text, read token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None:
                raise self._wrong()
            self._tokens.append(match[1])
            place = match.end()
        self._tokens.reverse()

    def kind(self) -> pa.DataType:
        name = self._next().lower()
        if name == "array":
            self._expect("<")
            element = self.kind()
            self._expect(">")
            return pa.list_(pa.field("element", element))
        if name == "map":
            return self._map()
        if name == "struct":
            return self._struct()
        if name == "decimal":
            return self._decimal()
        if name not in _PLAIN:
            raise self._wrong()
        kind: pa.DataType = _PLAIN[name]
        return kind

    def end(self) -> None:
        if self._tokens:
            raise self._wrong()

    def _map(self) -> pa.DataType:
        self._expect("<")
        if self._next().lower() != "string":  # a key of a JSON object is text
            raise self._wrong()
        self._expect(",")
        values = self.kind()
        self._expect(">")
        return pa.map_(pa.string(), values)

    def _struct(self) -> pa.DataType:
        self._expect("<")
        fields = []
        while True:
            name = self._next()
            self._expect(":")
            fields.append(pa.field(name, self.kind()))
            if (mark := self._next()) == ">":
                break
            if mark != ",":
                raise self._wrong()
        if len({field.name.lower() for field in fields}) < len(fields):
            raise self._wrong()
        return pa.struct(fields)

    def _decimal(self) -> pa.DataType:
        self._expect("(")
        precision = self._number()
        scale = 0
        if (mark := self._next()) == ",":
            scale = self._number()
            mark = self._next()
        if mark != ")" or not 1 <= precision <= MOST_DIGITS or scale > precision:
            raise self._wrong()
        return pa.decimal128(precision, scale)

    def _number(self) -> int:
        token = self._next()
        if not token.isdigit():
            raise self._wrong()
        return int(token)

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise self._wrong()

    def _next(self) -> str:
        if not self._tokens:
            raise self._wrong()
        return self._tokens.pop()

    def _wrong(self) -> InputError:
        return InputError(f'unknown type "{self._text}".', hint=HINT)
