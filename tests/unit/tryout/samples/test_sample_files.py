"""Which files are samples of a release: what a server wrote is read, and nothing that could cost more than that."""

from __future__ import annotations

import errno
import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.errors import InputError, StoreError
from seatrial.rows.find_files import sources_at
from seatrial.rows.row_file import RowFile
from seatrial.tryout.samples import sample_files
from seatrial.tryout.samples.sample_files import SampledRows, read_samples
from tests.unit.tryout.samples.written import DIGEST, SIGNATURE, TITLE, content, inputs, put, read


def test_rows_come_back_as_they_were_written_with_their_share(tmp_path: Path) -> None:
    put(tmp_path, "2026-11-01/a.parquet", content(inputs(5)))
    put(tmp_path, "2026-11-02/b.parquet", content(inputs(3, 2), request="s"))
    samples = read(tmp_path)
    assert samples.table["request_id"].to_pylist() == ["r"] * 5 + ["s"] * 3
    assert samples.table["row"].to_pylist() == [*range(5), *range(3)]
    assert samples.table["age"].to_pylist() == [*inputs(5)["age"], *inputs(3, 2)["age"]]
    assert (samples.kept, samples.dropped, samples.shares, samples.skipped) == (("age", "sex"), (), (0.5,), ())


def test_rows_and_folders_of_other_releases_are_left_out_and_counted(tmp_path: Path) -> None:
    put(tmp_path, "census/1/2026-11-01/a.parquet", content(inputs(5)))
    put(tmp_path, "census/1/2026-11-01/b.parquet", content(inputs(2), release="e" * 64))
    put(tmp_path, "census/2/2026-11-01/c.parquet", b"not read")
    put(tmp_path, "other-census/1/2026-11-01/d.parquet", b"not read")
    samples = read(tmp_path)
    assert (samples.table.num_rows, samples.other_rows, samples.other_files, samples.skipped) == (5, 2, 2, ())


def test_a_column_that_one_file_lacks_is_not_kept(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", content(inputs(5)))
    put(tmp_path, "b.parquet", content(inputs(5, 2), share=0.1, without=["sex"]))
    samples = read(tmp_path)
    assert (samples.kept, samples.dropped, samples.shares) == (("age",), ("sex",), (0.5, 0.1))
    assert samples.table.num_rows == 10


class Failing(io.RawIOBase):
    """A stream whose reading fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raise self.error

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        raise self.error


def failing(error: Exception) -> SampledRows:
    file = RowFile("a.parquet", "a.parquet", 100, lambda: pa.PythonFile(Failing(error), mode="r"))
    return read_samples([file], SIGNATURE, title=TITLE, digest=DIGEST)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_machine_that_does_not_read_is_no_stranger_s_file(number: int) -> None:
    with pytest.raises(StoreError, match="the samples cannot be read"):
        failing(OSError(number, "no"))


@pytest.mark.parametrize("error", [MemoryError(), pa.ArrowMemoryError("malloc")])
def test_memory_that_runs_out_is_an_error_of_its_own(error: Exception) -> None:
    with pytest.raises(InputError, match="not enough memory"):
        failing(error)


def test_a_store_that_does_not_answer_is_its_own_error() -> None:
    with pytest.raises(StoreError, match="down"):
        failing(StoreError("the store is down."))


def test_a_failure_without_words_is_named_by_its_kind() -> None:
    ((_, reason),) = failing(pa.ArrowInvalid()).skipped
    assert reason == "it cannot be read: ArrowInvalid"


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, store_schema=False)  # without Arrow's own, texts are texts
    return sink.getvalue()


def changed(change: Callable[[pa.Table], pa.Table]) -> bytes:
    return parquet(change(pyarrow.parquet.read_table(pa.BufferReader(content(inputs(5))))))


def put_column(name: str, values: pa.Array[Any]) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, values)


STRANGERS = {
    "it is not Parquet": None,
    "it cannot be read": b"PAR1 and no more than this PAR1",
    "does not have one column 'request_id'": changed(lambda table: table.drop_columns(["request_id"])),
    "does not have one column 'predicted'": changed(lambda table: table.append_column("predicted", table["predicted"])),
    "column 'row' holds int64": changed(put_column("row", pa.array(range(5), pa.int64()))),
    "column 'age' holds string": changed(put_column("age", pa.array(["1"] * 5))),
    "column 'sex' holds binary": changed(put_column("sex", pa.array([b"\xff"] * 5))),
    "it answers 'maybe'": changed(put_column("predicted", pa.array(["maybe"] * 5))),
    "'request_id' lacks values": changed(put_column("request_id", pa.array(["r", None, "r", "r", "r"]))),
    "times are not those": changed(put_column("time", pa.array([2**62] * 5, pa.timestamp("us", tz="UTC")))),
    "5,000,000 bytes": changed(put_column("sex", pa.array(["x" * 1_000_000] * 5))),
    "it has 60,000 rows": parquet(
        pa.concat_tables([pyarrow.parquet.read_table(pa.BufferReader(content(inputs(5))))] * 12_000)
    ),
}


@pytest.mark.parametrize("reason", STRANGERS)
def test_what_no_server_wrote_is_named_and_left_out(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_files, "TEXT_BYTES", 1_000_000)  # so that a text of a megabyte is too long
    put(tmp_path, "good.parquet", content(inputs(4)))
    data = STRANGERS[reason]
    name = "notes.txt" if data is None else "strange.parquet"
    put(tmp_path, name, data or b"mine")
    samples = read(tmp_path)
    assert samples.table.num_rows == 4
    ((skipped, told),) = samples.skipped
    assert Path(skipped).name == name
    assert reason in told


def test_one_long_text_for_each_row_is_found_before_it_is_spread_out(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(pa.BufferReader(content(inputs(5))))
    many = pa.concat_tables([table] * 8000)
    long = pa.DictionaryArray.from_arrays(pa.array([0] * many.num_rows, pa.int32()), pa.array(["x" * 100_000]))
    data = parquet(many.set_column(many.column_names.index("sex"), "sex", long))
    assert len(data) < 1_000_000
    put(tmp_path, "bomb.parquet", data)
    ((_, told),) = read(tmp_path).skipped
    assert "4,000,000,000 bytes" in told


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_files, "FILE_BYTES", 100)
    put(tmp_path, "a.parquet", content(inputs(5)))
    ((_, told),) = read(tmp_path).skipped
    assert "a server writes 100 at most" in told


def too_many(folder: Path) -> InputError:
    with pytest.raises(InputError, match="there are more than") as raised:
        read(folder)
    return raised.value


def test_the_bytes_of_all_files_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a.parquet", content(inputs(100)))
    monkeypatch.setattr(sample_files, "MOST_BYTES", read(tmp_path).table.nbytes + 100)
    put(tmp_path, "b.parquet", content(inputs(100, 2), request="s"))
    error = too_many(tmp_path)
    assert "GB of sampled rows" in error.problem
    assert error.hint == "Name a folder of fewer files: on FOLDER."


def test_the_hint_for_too_many_rows_names_patterns_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, file in (("10-31", "115900-a"), ("11-01", "120000-b"), ("11-01", "130000-c"), ("11-02", "120000-d")):
        put(tmp_path, f"it's/census/1/2026-{day}/{file}.parquet", content(inputs(10), request=file))
    monkeypatch.setattr(sample_files, "MOST_ROWS", 20)
    hint = too_many(tmp_path / "it's").hint or ""
    monkeypatch.setattr(sample_files, "MOST_ROWS", 30)
    named = [shlex.split(pattern)[0] for pattern in re.findall(r" on (.+?)(?:;|\.$)", hint)]
    assert [sorted(path.name[7:8] for path in map(Path, of_pattern(address))) for address in named] == [
        ["b", "c", "d"],
        ["b", "c"],
        ["b"],
    ]


def of_pattern(address: str) -> list[str]:
    """The files whose rows are read at the address."""
    read_samples(sources_at(address), SIGNATURE, title=TITLE, digest=DIGEST)
    return [file.path for file in sources_at(address)]
