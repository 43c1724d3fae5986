"""JSON lines: one object a line, types found over the whole of every file, then read in blocks of bounded size.

JSON has types of its own, and they stay: texts are texts (dates too), and a column that is a text in one line and a
number in another is an error. A column that a line lacks is null there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from seatrial.errors import InputError
from seatrial.rows.hive_partitions import folder_keys
from seatrial.rows.plain_text import open_plain
from seatrial.rows.plain_types import WIDE_WHOLE
from seatrial.rows.row_file import RowFile
from seatrial.rows.stream import Rows
from seatrial.rows.text_content import check_content, not_utf8

BLOCK_BYTES = 4 * 2**20
LINE_BYTES = 64 * 2**20  # a longer line is no row of a table
_BEYOND_INT64 = 2.0**63
DEEPEST = 64  # Arrow's reader recurses: at a hundred thousand it ends the process


def read_json_lines(origin: str, sources: Sequence[RowFile], *, types: Mapping[str, pa.DataType]) -> Rows:
    """The rows of one or several files of JSON lines; a column in `types` is that, if it has no other type itself."""
    schema = pa.schema([])
    count = 0
    for source in sources:
        for block, line in _blocks(source):
            table = _parsed(block, source, line, None)
            count += table.num_rows
            schema = _unified(schema, _plain(_with_wide_numbers(table, block, source, line)), source, line)
    if not schema.names:
        raise InputError(
            "the lines do not hold any column.", path=sources[0].path, hint='Write one object a line: {"age": 39, …}.'
        )
    keys = folder_keys(sources)
    stored = pa.schema([_with_kind(field, types.get(field.name)) for field in schema])
    schema = keys.added_to(keys.taken_from(stored))

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        for position, source in enumerate(sources):
            for block, line in _blocks(source):
                yield keys.put_into(_parsed(block, source, line, stored), columns, position)

    return Rows(origin, schema, count, read)


def _blocks(source: RowFile) -> Iterator[tuple[bytes, int]]:
    """Whole lines, `BLOCK_BYTES` or a line at a time; and the number of the first of them."""
    line, rest = 1, b""
    try:
        with open_plain(source) as stream:
            while data := bytes(stream.read(BLOCK_BYTES)):
                if rest == b"" and line == 1:
                    check_content(source, data)
                    data = data.removeprefix(b"\xef\xbb\xbf")
                head, newline, tail = data.rpartition(b"\n")
                if not newline:
                    rest += tail
                    if len(rest) > LINE_BYTES:
                        raise InputError(
                            f"the line is longer than {LINE_BYTES // 2**20} MiB.",
                            path=source.path,
                            line=line,
                            hint="Write one object a line.",
                        )
                    continue
                block = rest + head + newline
                yield block, line
                line, rest = line + block.count(b"\n"), tail
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"the file cannot be read: {str(error).splitlines()[0]}.", path=source.path, hint="Write the file again."
        ) from None
    if rest.strip():
        yield rest, line


_ROW = re.compile(r" in row (\d+)")
_CHANGED = re.compile(r"Column\(/?(.*?)\) changed from (\w+) to (\w+)")


def _parsed(block: bytes, source: RowFile, line: int, schema: pa.Schema | None) -> pa.Table:
    if not block.strip():
        return (schema or pa.schema([])).empty_table()
    try:
        if schema is None:
            block.decode()  # Arrow's reader takes any bytes for text
            _check_depth(block, source, line)
        return pyarrow.json.read_json(
            io.BytesIO(block),
            read_options=pyarrow.json.ReadOptions(block_size=len(block)),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=schema),
        )
    except UnicodeDecodeError as error:
        raise not_utf8(source, line=line + block[: error.start].count(b"\n")) from None
    except pa.ArrowException as error:
        raise _unreadable(str(error), block, source, line) from None


def _with_wide_numbers(table: pa.Table, block: bytes, source: RowFile, line: int) -> pa.Schema:
    """The table's columns; whole numbers that int64 does not hold keep their digits: ids of twenty are not one."""
    wide = [field.name for field in table.schema if field.type == pa.float64() and _are_wide(table.column(field.name))]
    if not wide:
        return table.schema
    schema = pa.schema([field.with_type(WIDE_WHOLE) if field.name in wide else field for field in table.schema])
    try:
        _parsed(block, source, line, schema)
    except InputError:
        return table.schema
    return schema


def _are_wide(values: pa.ChunkedArray[Any]) -> bool:
    least, most = pc.min_max(values).values()
    beyond = max(abs(least.as_py() or 0.0), abs(most.as_py() or 0.0)) >= _BEYOND_INT64
    return beyond and bool(pc.all(pc.equal(values, pc.round(values))).as_py())


_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def _check_depth(block: bytes, source: RowFile, line: int) -> None:
    """`InputError` where values are nested more than `DEEPEST` deep."""
    # Flat rows are known by counting, at no cost: what opens as another closes goes no deeper.
    turns = block.count(b"}\n{") + block.count(b"}\r\n{")
    if block.count(b"{") + block.count(b"[") - turns <= DEEPEST:
        return
    bare = np.frombuffer(_STRING.sub(b"", block), np.uint8)
    opens, closes = np.isin(bare, np.frombuffer(b"{[", np.uint8)), np.isin(bare, np.frombuffer(b"}]", np.uint8))
    deep = np.cumsum(opens.astype(np.int32) - closes) > DEEPEST
    if deep.any():
        raise InputError(
            f"values are nested more than {DEEPEST} deep here.",
            path=source.path,
            line=line + int(np.count_nonzero(bare[: int(np.argmax(deep))] == ord("\n"))),
            hint="Write one object a line, its columns as plain values.",
        )


def _unreadable(text: str, block: bytes, source: RowFile, line: int) -> InputError:
    if block.lstrip().startswith(b"["):
        return InputError(
            "the file is one JSON list, not JSON lines.",
            path=source.path,
            hint=f"Write one object a line: jq -c '.[]' {source.inside}.",
        )
    if match := _ROW.search(text):
        line += _lines_before(block, int(match.group(1)))
    if changed := _CHANGED.search(text):
        name, before, now = changed.groups()
        return InputError(
            f"column {name!r} is a {now} here and a {before} in lines before." if name else f"this is a {now}.",
            path=source.path,
            line=line,
            hint="Write values of one type." if name else 'Write one object a line: {"age": 39, …}.',
        )
    what = text.splitlines()[0].removeprefix("JSON parse error: ").removesuffix(".")
    return InputError(
        f"the file is not JSON lines: {_ROW.sub('', what).removesuffix('.')}.",
        path=source.path,
        line=line,
        hint="Write one whole object a line.",
    )


def _lines_before(block: bytes, row: int) -> int:
    """How many lines stand before that row: empty ones are no rows."""
    filled = -1
    for number, text in enumerate(block.split(b"\n")):
        filled += bool(text.strip())
        if filled == row:
            return number
    return 0


def _unified(earlier: pa.Schema, later: pa.Schema, source: RowFile, line: int) -> pa.Schema:
    try:
        return pa.unify_schemas([earlier, later], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        name = next(
            name for name in later.names if name in earlier.names and not _unify(earlier.field(name), later.field(name))
        )
        raise InputError(
            f"column {name!r} is {later.field(name).type} from about here, and {earlier.field(name).type} before.",
            path=source.path,
            line=line,
            hint="Write values of one type.",
        ) from None


def _unify(first: pa.Field[Any], second: pa.Field[Any]) -> bool:
    try:
        pa.unify_schemas([pa.schema([first]), pa.schema([second])], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return False
    return True


def _with_kind(field: pa.Field[Any], kind: pa.DataType | None) -> pa.Field[Any]:
    free = pa.types.is_null(field.type) or (pa.types.is_integer(field.type) and kind == pa.float64())
    return field if kind is None or not free else pa.field(field.name, kind)


def _plain(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _text(field.type)) for field in schema])


def _text(kind: pa.DataType) -> pa.DataType:
    # Arrow takes a text that looks like a date for one, block by block.
    if pa.types.is_timestamp(kind):
        return pa.string()
    if isinstance(kind, pa.StructType):
        return pa.struct([pa.field(field.name, _text(field.type)) for field in kind])
    if isinstance(kind, pa.ListType):
        return pa.list_(_text(kind.value_type))
    return kind
