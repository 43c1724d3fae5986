from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seatrial.errors import InputError
from seatrial.rows import open_rows
from tests.unit.rows.conftest import content

pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
TABLE = pa.table({"a": pa.array(range(70_000)), "b": pa.array(["x", "y"] * 35_000)})


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Any]:
    """An Iceberg table in a folder."""
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("rows", uri="sqlite:///:memory:", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("lake")
    table = catalog.create_table("lake.t", schema=TABLE.schema)
    table.append(TABLE)
    yield table
    catalog.close()


@pytest.mark.simulation
def test_a_metadata_file_is_the_snapshot_that_is_current_in_it(written: Any) -> None:
    before = written.metadata_location
    written.append(TABLE.slice(0, 5))
    rows = open_rows(before)
    assert rows.rows == 70_000
    assert content(rows) == TABLE.to_pydict()
    assert all(table.num_rows <= 65_536 for table in rows.tables())
    assert open_rows(written.metadata_location.removeprefix("file://")).rows == 70_005


def test_columns_have_todays_names_in_files_written_under_others(written: Any) -> None:
    with written.update_schema() as update:
        update.rename_column("b", "letter")
        update.add_column("later", update._schema.find_type("a"))
    found = content(open_rows(written.metadata_location))
    assert (found["letter"][:2], found["later"][:2]) == (["x", "y"], [None, None])


def test_a_table_without_rows_has_columns(tmp_path: Path) -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("rows", uri="sqlite:///:memory:", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("lake")
    rows = open_rows(catalog.create_table("lake.t", schema=TABLE.schema).metadata_location)
    catalog.close()
    assert (rows.rows, rows.schema.names, list(rows.tables())) == (0, ["a", "b"], [])


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense"])
def test_what_is_no_metadata_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "v1.metadata.json"
    path.write_text(text)
    with pytest.raises(
        InputError, match=r"v1\.metadata\.json: (the file is not metadata of an Iceberg table|.* empty)"
    ):
        open_rows(path)


def with_letters_of(metadata: str, kind: str) -> Path:
    """A copy of the metadata in which the column `b` has the type `kind`."""
    path = Path(metadata.removeprefix("file://"))
    document = json.loads(path.read_text())
    for schema in document["schemas"]:
        schema["fields"][1]["type"] = kind
    changed = path.with_name("v9.metadata.json")
    changed.write_text(json.dumps(document))
    return changed


@pytest.mark.parametrize(("kind", "named"), [("variant", "variant"), ("geometry(OGC:CRS84)", "geometry")])
def test_a_column_of_a_newer_iceberg_is_refused_with_its_type(written: Any, kind: str, named: str) -> None:
    with pytest.raises(InputError, match=f"a column of type {named}, which pyiceberg does not read"):
        open_rows(with_letters_of(written.metadata_location, kind))


def test_a_type_that_nobody_knows_is_not_called_one_of_a_newer_iceberg(written: Any) -> None:
    with pytest.raises(InputError, match="the file is not metadata of an Iceberg table that can be read"):
        open_rows(with_letters_of(written.metadata_location, "variants"))


def test_files_that_are_gone_are_told_from_metadata_that_is(written: Any, tmp_path: Path) -> None:
    rows = open_rows(written.metadata_location)
    shutil.rmtree(tmp_path / "warehouse/lake/t/data")
    with pytest.raises(InputError, match="a file that this metadata names is not there"):
        list(rows.tables())


def test_rows_deleted_by_value_are_refused(written: Any) -> None:
    from tests.unit.batches.deletes_by_value import delete_by_value

    delete_by_value(written, "a", pa.array([7], pa.int64()))
    with pytest.raises(InputError, match=r"deleted by value \(equality deletes\).*rewrite_data_files"):
        open_rows(written.refresh().metadata_location)


def test_without_pyiceberg_the_extra_is_named(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiceberg.exceptions", None)
    with pytest.raises(InputError, match=r"needs pyiceberg.* pip install \"seatrial\[spark\]\""):
        open_rows(written.metadata_location)
