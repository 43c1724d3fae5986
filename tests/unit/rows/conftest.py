from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seatrial.rows import Rows


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Writes a file below the test's folder."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def whole(rows: Rows, columns: list[str] | None = None) -> pa.Table:
    tables = list(rows.tables(columns))
    return pa.concat_tables(tables) if tables else rows.schema.empty_table()


def content(rows: Rows) -> dict[str, list[Any]]:
    found = whole(rows)
    assert found.schema == rows.schema
    assert rows.rows in (None, found.num_rows)
    return found.to_pydict()
