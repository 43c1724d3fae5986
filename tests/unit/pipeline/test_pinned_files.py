"""Files that a project names are pinned by content: by what they hold, wherever they lie, and while they are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.errors import InputError, StepFailed
from seatrial.pipeline.jobs.pinned_inputs import opened_rows, pin_model, pin_rows
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.workspace import STATE_VARIABLE, Workspace, open_project

FILE = '[project]\nname = "ships"\n[profile.local]\nstore = { url = "file:store" }\n'


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    with open_project(parse_project(FILE, tmp_path), "local") as opened:
        yield opened


def write(path: Path, *values: int) -> None:
    path.parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pa.table({"x": values}), path)


def test_the_digest_is_of_the_content_and_not_of_the_place(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", 1)
    write(tmp_path / "two.parquet", 1)
    write(tmp_path / "three.parquet", 2)
    one, two, three = (pin_rows(f"{name}.parquet", workspace).digest for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_a_folder_is_pinned_file_by_file_under_their_names(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "rows" / "a.parquet", 1)
    alone = pin_rows("rows/", workspace).digest
    write(tmp_path / "rows" / "b.parquet", 2)
    (tmp_path / "rows" / "_SUCCESS").write_text("")
    both = pin_rows("rows/", workspace)
    assert set(both.files) == {"a.parquet", "b.parquet"}
    assert both.digest != alone
    (tmp_path / "rows" / "b.parquet").rename(tmp_path / "rows" / "c.parquet")
    assert pin_rows("rows/", workspace).digest != both.digest


def test_rows_are_read_as_they_were_pinned(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", 1, 2)
    with opened_rows(pin_rows("one.parquet", workspace), workspace) as rows:
        assert [value for table in rows.tables(["x"]) for value in table["x"].to_pylist()] == [1, 2]


def test_a_file_that_changed_before_it_is_read_is_an_error(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", 1)
    pinned = pin_rows("one.parquet", workspace)
    write(tmp_path / "one.parquet", 2)
    with pytest.raises(StepFailed, match="changed while it was read"), opened_rows(pinned, workspace) as rows:
        list(rows.tables())


def test_a_file_that_is_another_while_it_is_read_and_then_itself_again_is_an_error(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "one.parquet"
    write(path, 1)
    status, content = path.stat(), path.read_bytes()
    pinned = pin_rows("one.parquet", workspace)

    def read_another() -> None:
        with opened_rows(pinned, workspace) as rows:
            write(path, 2)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the reader itself sees no change
            assert [table["x"].to_pylist() for table in rows.tables()] == [[2]]
            path.write_bytes(content)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(StepFailed, match=r"one\.parquet"):
        read_another()


def test_a_file_that_comes_into_a_folder_while_it_is_read_is_an_error(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "rows" / "a.parquet", 1)
    pinned = pin_rows("rows/", workspace)

    def read() -> None:
        with opened_rows(pinned, workspace) as rows:
            list(rows.tables())
            write(tmp_path / "rows" / "b.parquet", 1)

    with pytest.raises(StepFailed, match="changed"):
        read()


def test_an_error_of_the_reading_is_told_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", 1)
    with (
        pytest.raises(InputError, match="not have a column 'y'"),
        opened_rows(pin_rows("one.parquet", workspace), workspace) as rows,
    ):
        rows.check_columns(["y"])


def test_a_model_is_pinned_by_its_bytes_and_one_that_is_not_there_is_told(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"one")
    first = pin_model("model.onnx", workspace).digest
    (tmp_path / "model.onnx").write_bytes(b"two")
    assert pin_model("model.onnx", workspace).digest != first
    with pytest.raises(InputError, match="does not exist") as caught:
        pin_model("mdel.onnx", workspace)
    assert str(caught.value.path).endswith("mdel.onnx")
