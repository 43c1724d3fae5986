"""`seatrial logs`: what the steps of a run printed, found by the run's name or its beginning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.errors import InputError
from seatrial.pipeline.places.run_documents import log_key
from seatrial.pipeline.running.step_logs import step_logs
from seatrial.pipeline.workspace import STATE_VARIABLE
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings

OLD, NEW, CACHED = "20261123T080000-aaaaaa", "20261124T080000-bbbbbb", "20261125T080000-cccccc"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs whose steps ran, and a newer one of which all was cached."""
    for run, steps in ((OLD, ("rows",)), (NEW, ("rows", "model", "spark")), (CACHED, ())):
        folder = tmp_path / "runs" / run
        folder.mkdir(parents=True)
        for place, step in enumerate(steps):
            (folder / f"{step}.log").write_text(f"{step} of {run}\n")
            os.utime(folder / f"{step}.log", (place, place))
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    return tmp_path


def found(state: Path, run: str | None = None, step: str | None = None) -> list[tuple[str, str]]:
    return [(log.run, log.step) for log in step_logs(state, run=run, step=step)]


def test_without_a_name_it_is_the_newest_run_that_ran_a_step(state: Path) -> None:
    assert found(state) == [(NEW, "rows"), (NEW, "model"), (NEW, "spark")]


def test_the_beginning_of_a_name_is_enough_where_it_names_one_run(state: Path) -> None:
    assert found(state, "20261123") == [(OLD, "rows")]
    with pytest.raises(InputError, match="3 runs begin so"):
        found(state, "2026")


def test_a_run_of_which_all_was_cached_has_no_logs(state: Path) -> None:
    assert found(state, CACHED) == []
    with pytest.raises(InputError, match="every step was cached"):
        found(state, CACHED, "rows")


def test_one_step_is_chosen_by_its_name(state: Path) -> None:
    assert found(state, step="model") == [(NEW, "model")]
    with pytest.raises(InputError, match='Did you mean "model"'):
        found(state, step="modle")


def test_where_nothing_ran_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="steps have not run on this machine yet"):
        found(tmp_path)


def test_the_command_leaves_sparks_own_log_to_who_asks_for_it(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["logs"])
    out = capsys.readouterr().out
    assert f"model of {NEW}\n" in out
    assert "spark of" not in out
    with pytest.raises(SystemExit):
        main(["logs", "--step", "spark"])
    assert f"spark of {NEW}\n" in capsys.readouterr().out


def test_what_a_step_printed_does_not_drive_the_terminal(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state / "runs" / NEW / "rows.log").write_bytes(b"\x1b[2Jcleared\xff\n")
    with pytest.raises(SystemExit):
        main(["logs", "--step", "rows"])
    assert "\x1b" not in capsys.readouterr().out


OF_ANOTHER_MACHINE = "20261126T080000-dddddd"


@pytest.fixture
def store(tmp_path: Path) -> Objects:
    """A store with the record and the logs of a run of another machine, and the whole log of one of this."""
    folder = tmp_path / "store"
    folder.mkdir()
    store = open_objects(StoreSettings(url=folder.as_uri()))
    for run in (NEW, OF_ANOTHER_MACHINE):
        store.put(f"runs/{run}.json", b"{}")
    store.put(log_key(OF_ANOTHER_MACHINE, "rows"), b"stored\nrows\n")
    store.put(log_key(NEW, "model"), b"the whole log\n")
    return store


def test_logs_of_another_machine_are_read_from_the_store(tmp_path: Path, store: Objects) -> None:
    (log,) = step_logs(tmp_path / "nothing-here", run="20261126", step=None, store=store)
    assert (log.step, list(log.lines())) == ("rows", ["stored", "rows"])
    (newest,) = step_logs(tmp_path / "nothing-here", run=None, step="rows", store=store)
    assert newest.run == OF_ANOTHER_MACHINE


def test_the_stored_log_is_the_whole_one_and_what_the_store_lacks_is_read_here(state: Path, store: Objects) -> None:
    logs = {log.step: list(log.lines()) for log in step_logs(state, run=NEW, step=None, store=store)}
    assert logs == {"rows": [f"rows of {NEW}"], "spark": [f"spark of {NEW}"], "model": ["the whole log"]}


def test_a_log_without_an_end_of_line_or_without_anything_is_read_too(state: Path) -> None:
    path = state / "runs" / NEW / "rows.log"
    for content, lines in ((b"a\r\n\nb", ["a", "", "b"]), (b"", [])):
        path.write_bytes(content)
        (log,) = step_logs(state, run=NEW, step="rows")
        assert list(log.lines()) == lines
