"""CSV and its kin: types found over the whole of every file, then read in blocks of bounded size.

What the files must be, and what is made of them:

* UTF-8, with a line of names first; the delimiter is the one of `,` `;` tab `|` that the first lines agree on.
* A column is whole numbers, numbers, or true/false if every value in every file is; otherwise it is text. Dates stay
  the text they are: no model takes anything else, and groups by date read the same. Whole numbers keep all their
  digits: ids of twenty of them are not one.
* In a column of numbers or true/false, an empty value and the spellings in `MISSING` are nulls. In a column of text
  each value is what stands there, "" and "NA" too. An empty line is no row.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from seatrial.errors import InputError
from seatrial.rows.hive_partitions import folder_keys
from seatrial.rows.plain_text import open_plain
from seatrial.rows.plain_types import WIDE_WHOLE
from seatrial.rows.quotes import QuoteCheck, UnclosedQuote
from seatrial.rows.row_file import RowFile
from seatrial.rows.stream import Rows
from seatrial.rows.text_content import check_content, not_utf8

MISSING = (
    *("", "NA", "N/A", "#N/A", "#NA", "#N/A N/A", "n/a", "NULL", "null", "None"),
    *("NaN", "nan", "-NaN", "-nan", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)
_NAMES = {",": "split at commas", ";": "split at semicolons", "\t": "split at tabs", "|": "split at bars"}
DELIMITERS = tuple(_NAMES)
BLOCK_BYTES = 2**20  # one line has to fit into it; Arrow's reader runs ahead by up to 32 of them
_SAMPLE_BYTES = 2**20  # holds the names of 20,000 columns
_SAMPLE_LINES = 20
_PROBE_ROWS = 256  # a cast that fails writes an error a row: a column of text is told by its first values
_WHOLE = r"^\s*-?\d{1,38}\s*$"  # what `WIDE_WHOLE` holds
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")


def read_delimited(
    origin: str,
    sources: Sequence[RowFile],
    *,
    types: Mapping[str, pa.DataType],
    others: Literal["inferred", "text"],
) -> Rows:
    """The rows of one or several CSV files with the same names in their first lines."""
    delimiter, names = _header(sources[0])
    for source in sources[1:]:
        header = _header(source)
        if header != (delimiter, names):
            raise InputError(
                f"the file's first line is not that of {sources[0].path}: {', '.join(header[1])}.",
                path=source.path,
                hint="Name files that hold the same columns, in the same order.",
            )
    keys = folder_keys(sources)
    types_by_name = {name: kind for name, kind in types.items() if name in names}
    if others == "text":
        types_by_name = {name: types_by_name.get(name, pa.string()) for name in names}
    count = None
    if len(types_by_name) < len(names):
        inferred, count = _inferred(sources, delimiter, [name for name in names if name not in types_by_name], names)
        types_by_name.update(inferred)
    schema = keys.added_to(keys.taken_from(pa.schema([(name, types_by_name[name]) for name in names])))

    def read(columns: Sequence[str]) -> Iterator[pa.Table]:
        options = pyarrow.csv.ConvertOptions(
            column_types=types_by_name,
            include_columns=keys.stored(columns) or names[:1],
            null_values=list(MISSING),
            true_values=list(_TRUE),
            false_values=list(_FALSE),
            strings_can_be_null=False,
        )
        for position, source in enumerate(sources):
            for batch in _batches(source, delimiter, options):
                yield keys.put_into(pa.Table.from_batches([batch]), columns, position)

    def reread(column_types: Mapping[str, pa.DataType]) -> Rows:
        return read_delimited(origin, sources, types=column_types, others=others)

    return Rows(origin, schema, count, read, reread)


def delimiter_of(source: RowFile) -> str:
    """What the values of a line are split at."""
    return _header(source)[0]


def _header(source: RowFile) -> tuple[str, list[str]]:
    try:
        with open_plain(source) as stream:
            sample = bytes(stream.read(_SAMPLE_BYTES))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(source, DELIMITERS[0], error) from None
    check_content(source, sample)
    if not sample.strip():
        raise InputError("the file is empty.", path=source.path, hint="Write a line of names, and rows under it.")
    try:
        text = sample.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if (
            len(sample) < _SAMPLE_BYTES or error.start < len(sample) - 4
        ):  # a character takes up to 4 bytes: the sample may cut one
            raise not_utf8(source, line=sample[: error.start].count(b"\n") + 1) from None
        text = sample[: error.start].decode("utf-8-sig")
    if "\0" in text:
        raise not_utf8(source)
    if len(sample) == _SAMPLE_BYTES and "\n" not in text and "\r" not in text:
        raise InputError(
            f"the first line is longer than {_SAMPLE_BYTES // 2**20} MiB: more names than can be read.",
            path=source.path,
            line=1,
            hint="Write the table as Parquet, or without the columns that nobody needs.",
        )
    lines = {delimiter: _split(text, delimiter, whole=len(sample) < _SAMPLE_BYTES) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda candidate: _agreed(lines[candidate]))
    names = lines[delimiter][0]
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(
                f"two columns are named {name!r}." if name else "several columns have no name.",
                path=source.path,
                line=1,
                hint="Give each column a name of its own.",
            )
    if all(_is_number(name) for name in names):
        raise InputError(
            f"the first line holds numbers, not names: {', '.join(names)}.",
            path=source.path,
            line=1,
            hint="Write a line with the columns' names above the rows.",
        )
    return delimiter, names


def _split(text: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    lines: list[list[str]] = []
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            lines.append(line)
            if len(lines) > _SAMPLE_LINES:
                break
    except csv.Error:
        pass  # an odd quote under the wrong delimiter; the reading itself says what is wrong with the right one
    lines = [line for line in lines if line]
    return lines if whole or len(lines) < 2 else lines[:-1]  # the sample may have cut the last


def _agreed(lines: list[list[str]]) -> tuple[bool, bool, int]:
    """Whether every line has as many values as there are names, none of which has a quote left; and how many."""
    if not lines:
        return False, False, 0
    width = len(lines[0])
    clean = not any('"' in value for line in lines for value in line)
    return width > 1 and all(len(line) == width for line in lines), clean, width


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _inferred(
    sources: Sequence[RowFile], delimiter: str, columns: Sequence[str], names: Sequence[str]
) -> tuple[dict[str, pa.DataType], int]:
    """The types of the columns over all rows, and the number of rows."""
    kinds: dict[str, pa.DataType] = dict.fromkeys(columns, pa.null())
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=list(columns),
        null_values=list(MISSING),
        strings_can_be_null=True,
    )
    count = 0
    possible: dict[str, RowFile] = {}  # columns of text that may be numbers with decimal commas
    for source in sources:
        for batch in _batches(source, delimiter, options):
            count += batch.num_rows
            for name in columns:
                if kinds[name] != pa.string():
                    kinds[name] = _widened(kinds[name], batch.column(name))
                    if kinds[name] == pa.string() and delimiter != ",":
                        possible[name] = source
                if name in possible and not _are_comma_numbers(batch.column(name)):
                    del possible[name]
    for name, source in possible.items():
        raise _decimal_commas(source, name, _first_with_comma(source, name, delimiter, names), delimiter)
    return kinds, count


def _are_comma_numbers(values: Any) -> bool:  # a pyarrow.StringArray
    """Whether each value is a number, if a comma is read as a decimal point."""
    return bool(pc.all(pc.match_substring_regex(values, _NUMBER_OR_COMMA_NUMBER), min_count=0).as_py())


def _first_with_comma(source: RowFile, name: str, delimiter: str, names: Sequence[str]) -> str:
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=[name])
    for batch in _batches(source, delimiter, options):
        values = batch.column(name)
        with_comma = values.filter(pc.match_substring(values, ","))
        if len(with_comma):
            return str(with_comma[0])
    return ""


def _widened(kind: pa.DataType, values: Any) -> pa.DataType:  # a pyarrow.StringArray
    """The narrowest type that holds what `kind` holds and these values, which need not be null."""
    values = values.drop_null()
    if len(values) == 0:
        return kind
    steps = {
        pa.null(): (pa.int64(), pa.bool_(), WIDE_WHOLE, pa.float64()),
        pa.int64(): (pa.int64(), WIDE_WHOLE, pa.float64()),
        WIDE_WHOLE: (WIDE_WHOLE, pa.float64()),
        pa.float64(): (pa.float64(),),
        pa.bool_(): (pa.bool_(),),
    }[kind]
    for step in steps:
        if _holds(step, values.slice(0, _PROBE_ROWS)) and (len(values) <= _PROBE_ROWS or _holds(step, values)):
            return step
    return pa.string()


def _holds(kind: pa.DataType, values: Any) -> bool:
    if kind == pa.bool_():
        return bool(pc.all(pc.is_in(values, pa.array([*_TRUE, *_FALSE]))).as_py())
    if kind == WIDE_WHOLE:
        return bool(pc.all(pc.match_substring_regex(values, _WHOLE)).as_py())
    try:
        pc.cast(values, kind)
    except pa.ArrowInvalid:
        trimmed = pc.utf8_trim_whitespace(values)  # the reader of CSV does so with numbers
        if trimmed.equals(values):
            return False
        return _holds(kind, trimmed)
    # Arrow reads 0x1F as a whole number but not as a number: such a column would change its type on the way.
    return kind != pa.int64() or not pc.any(pc.match_substring(values, "x", ignore_case=True)).as_py()


def _batches(source: RowFile, delimiter: str, options: pyarrow.csv.ConvertOptions) -> Iterator[pa.RecordBatch]:
    try:
        with open_plain(source) as stream, _open(stream, delimiter, options) as reader:
            yield from reader
    except UnclosedQuote as error:
        raise _unclosed(source, error.line) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(source, delimiter, error) from None


def _open(stream: Any, delimiter: str, options: pyarrow.csv.ConvertOptions) -> Any:
    checked: Any = QuoteCheck(stream, delimiter)
    file: Any = pa.PythonFile(checked, mode="r")
    return pyarrow.csv.open_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=options,
    )


_WIDTH = re.compile(r"Expected (\d+) columns, got (\d+)")
_VALUE = re.compile(
    r"In CSV column #(\d+): (?:Row #\d+: )?CSV conversion error to (\w+): invalid value '(.*)'", re.DOTALL
)
_WORDS = {"int64": "whole number", "double": "number", "bool": "true or false"}
_SHOWN_CHARACTERS = 60


def _unreadable(source: RowFile, delimiter: str, error: Exception) -> InputError:
    text = str(error)
    if (line := _line_of_unclosed_quote(source, delimiter)) is not None:
        return _unclosed(source, line)
    if match := _WIDTH.search(text):
        expected, got = (int(number) for number in match.groups())
        return InputError(
            f"the row has {got} value{'' if got == 1 else 's'}, and there are {expected} columns "
            f"({_NAMES[delimiter]}).",
            path=source.path,
            line=_line_of_another_width(source, delimiter, expected),
            hint="Put quotes around values that hold the delimiter, or correct the row.",
        )
    if "UTF8" in text or "utf-8" in text:
        return not_utf8(source)
    if match := _VALUE.search(text):
        name, kind = _header(source)[1][int(match.group(1))], match.group(2)
        value = match.group(3)[:_SHOWN_CHARACTERS]
        if delimiter != "," and _COMMA_NUMBER.fullmatch(value):
            return _decimal_commas(source, name, value, delimiter)
        return InputError(
            f"column {name!r} must hold a {_WORDS.get(kind, kind)} in every row, got {value!r}.",
            path=source.path,
            hint="Correct the value; a missing one is empty, NA or null.",
        )
    return InputError(
        f"the file cannot be read as CSV: {text.splitlines()[0].removesuffix('.')}.",
        path=source.path,
        hint="Write the file again.",
    )


def _unclosed(source: RowFile, line: int) -> InputError:
    return InputError(
        "the quote that opens on this line is not closed: the file was cut off, or a quote is missing.",
        path=source.path,
        line=line,
        hint="Write the file again, or close the quote.",
    )


def _line_of_unclosed_quote(source: RowFile, delimiter: str) -> int | None:
    # Arrow met something else first, a row of another width say, of which an unclosed quote may be the cause.
    try:
        with open_plain(source) as stream:
            check = QuoteCheck(stream, delimiter)
            while check.read(BLOCK_BYTES):
                pass
    except UnclosedQuote as error:
        return error.line
    except (pa.ArrowException, OSError):
        return None
    return None


_COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*")
_NUMBER_OR_COMMA_NUMBER = r"^\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*$"


def _decimal_commas(source: RowFile, name: str, value: str, delimiter: str) -> InputError:
    return InputError(
        f"column {name!r} holds numbers with decimal commas, such as {value!r}.",
        path=source.path,
        hint="Write them with points; in Python:"
        f" pandas.read_csv(path, sep={delimiter!r}, decimal=',').to_csv(path, index=False).",
    )


def _line_of_another_width(source: RowFile, delimiter: str, width: int) -> int | None:
    # Arrow says what it met and not where; Python's reader counts lines, and is slow enough to be asked only then.
    try:
        with open_plain(source) as stream:
            reader = csv.reader(
                io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline=""), delimiter=delimiter
            )
            return next((reader.line_num for row in reader if row and len(row) != width), None)
    except (csv.Error, pa.ArrowException, OSError):
        return None
