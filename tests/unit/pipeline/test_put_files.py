"""`seatrial put`: files go below the project's prefix, all of them or none, and never among Seatrial's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.errors import InputError, Problems
from seatrial.pipeline.put_files import RESERVED, planned_keys
from seatrial.pipeline.workspace import open_workspace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "seatrial.toml").write_text('[project]\nname = "small"\n')
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "in/c.csv", "in/deep/d.csv", "in/.hidden"):
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keys(*files: str, target: str = "raw/") -> list[str]:
    return list(planned_keys([Path(name) for name in files], target))


def test_files_keep_their_names_below_the_target(folder: Path) -> None:
    assert keys("a.csv", "in/c.csv") == ["raw/a.csv", "raw/c.csv"]


def test_a_target_without_a_slash_is_the_key_of_a_single_file(folder: Path) -> None:
    assert keys("a.csv", target="raw/first.csv") == ["raw/first.csv"]
    assert keys("a.csv", "b.csv", target="raw") == ["raw/a.csv", "raw/b.csv"]


def test_a_folders_files_keep_their_paths_and_hidden_ones_stay(folder: Path) -> None:
    assert keys("in") == ["raw/c.csv", "raw/deep/d.csv"]


@pytest.mark.parametrize("target", ["/", "", "/raw/", "raw//x/", "raw/../cache/", *(f"{name}/" for name in RESERVED)])
def test_a_target_that_cannot_be_is_refused(folder: Path, target: str) -> None:
    with pytest.raises(InputError):
        keys("a.csv", target=target)


def test_every_mistake_is_told_and_two_files_never_share_a_key(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "a.csv").write_text("another")
    with pytest.raises(Problems) as told:
        keys("a.csv", "other/a.csv", "missing.csv")
    assert [one.path for one in told.value.each] == ["other/a.csv", "missing.csv"]


def test_what_was_put_is_in_the_store_and_put_again_is_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("first", "second"):
        (folder / "a.csv").write_text(text)
        with pytest.raises(SystemExit) as end:
            main(["put", "a.csv", "in", "raw/"])
        assert end.value.code == 0
    out = capsys.readouterr().out
    assert "a.csv → raw/a.csv" in out
    assert out.splitlines()[-1] == "Next: seatrial run"
    with open_workspace(folder) as workspace:
        assert [info.key for info in workspace.objects.list("raw/")] == ["raw/a.csv", "raw/c.csv", "raw/deep/d.csv"]
        assert workspace.objects.get("raw/a.csv").data == b"second"


def test_without_files_the_way_to_write_it_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["put", "raw/"])
    assert end.value.code == 2
    assert "seatrial put FILE… raw/" in capsys.readouterr().err
