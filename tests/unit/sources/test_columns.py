"""Declared columns: types as SQL writes them, and what an existing table can take."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from seatrial.errors import InputError
from seatrial.sources.kafka.columns import (
    declared_schema,
    missing_columns,
    parse_type,
    refuse_dropped,
    refuse_formatted,
    type_name,
)


@pytest.mark.parametrize(
    "text",
    ["bigint", "decimal(10,2)", "array<array<string>>", "map<string,struct<a:int,b:timestamp>>", "timestamp_ntz"],
)
def test_a_type_is_written_as_it_is_read(text: str) -> None:
    assert type_name(parse_type(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "integer64", "array<", "array<int>>", "array int", "decimal(39,0)", "decimal(2,3)", "decimal", "bigint;"),
        *("map<int,int>", "struct<>", "struct<a:int,A:int>", "struct<a int>"),
    ],
)
def test_what_is_no_type_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(InputError, match="unknown type") as refused:
        parse_type(text)
    assert refused.value.hint is not None
    assert "bigint" in refused.value.hint


def test_columns_are_told_apart_whatever_their_case() -> None:
    with pytest.raises(InputError, match="upper and lower case"):
        declared_schema({"id": "int", "ID": "int"}, [])
    with pytest.raises(InputError, match='unknown column "no" in required'):
        declared_schema({"id": "int"}, ["no"])


FIELDS: list[pa.Field[Any]] = [pa.field("id", pa.int64(), nullable=False), pa.field("note", pa.large_string())]
TABLE = pa.schema(FIELDS)


def test_a_column_that_may_be_null_is_added_to_a_table() -> None:
    declared = declared_schema({"id": "bigint", "note": "string", "more": "date"}, ["id"])
    assert missing_columns(declared, TABLE, "shop.orders", has_rows=True) == ["more"]


@pytest.mark.parametrize(
    ("columns", "required", "problem"),
    [
        (
            {"id": "string", "note": "string"},
            ["id"],
            'column "id" has type bigint in the table, and is declared as string',
        ),
        ({"id": "bigint", "new": "int"}, ["id", "new"], 'column "new" is declared as required'),
        ({"id": "bigint"}, [], 'column "id" is required in the table, and declared as one that may be null'),
        ({"note": "string"}, [], 'column "id" is required in the table, and the declared columns lack it'),
    ],
)
def test_what_a_table_cannot_take_is_told(columns: dict[str, str], required: list[str], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        missing_columns(declared_schema(columns, required), TABLE, "shop.orders", has_rows=True)


def test_a_column_that_the_table_spells_with_another_case_is_refused_before_it_is_added() -> None:
    with pytest.raises(InputError, match='column "Note" is "note" in the table') as refused:
        missing_columns(declared_schema({"id": "bigint", "Note": "string"}, ["id"]), TABLE, "t", has_rows=True)
    assert refused.value.hint == 'Write "note" in seatrial.toml.'


def test_columns_that_spark_shows_as_text_or_bytes_and_iceberg_as_something_narrower_are_refused() -> None:
    types = {"id": ["long"], "key": ["uuid"], "digest": ["string", "fixed[16]"]}
    refuse_formatted(types, ["id", "not there"], "shop.orders")
    with pytest.raises(InputError, match='column "key" has the Iceberg type uuid, which JSON records do not fill'):
        refuse_formatted(types, types, "shop.orders")
    with pytest.raises(InputError, match=r'column "digest" has the Iceberg type fixed\[16\]'):
        refuse_formatted(types, ["digest"], "shop.orders")


def test_a_declared_column_that_the_table_lost_ends_the_run() -> None:
    refuse_dropped(["id"], ["id", "more"], "shop.orders")
    with pytest.raises(InputError, match='column "note" was dropped or renamed'):
        refuse_dropped(["id", "note"], ["id", "remark"], "shop.orders")
