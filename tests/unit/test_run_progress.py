"""How a run shows itself in a terminal, whatever its steps print."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn

from seatrial.batches.telemetry.reader_stats import Stats
from seatrial.batches.telemetry.stats_exporter import StatsSnapshot
from seatrial.cli import run_progress as shown_by
from seatrial.cli.run_progress import LiveLines, PlainLines, last_line, progress
from seatrial.pipeline.running.run_records import StepRecord
from seatrial.pipeline.running.stage_lines import stage_line, stages_file
from seatrial.pipeline.running.step_process import telemetry_folder
from seatrial.prepare.stages import StageProgress
from seatrial.stores.documents import to_json

SHOWN_S = 0.8  # the last line of a log is looked at twice a second


@pytest.mark.parametrize("printed", ["saved to [/tmp/model]", "[/]", "[bold]loss[/nothing]"])
def test_what_a_step_prints_is_text_and_no_markup(tmp_path: Path, printed: str) -> None:
    log = tmp_path / "model.log"
    log.write_text(f"{printed}\n")
    with progress(live=True) as shown:
        shown.started("model", f"parameter model.path {printed} → a", log)
        time.sleep(SHOWN_S)
        shown.ended(StepRecord("model", "ran", None, 1.0, printed))


def test_of_a_bar_that_redraws_itself_the_newest_state_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "model.log"
    log.write_bytes(b"start\nepoch 1\repoch 2\repoch 3\r")
    assert last_line(log) == "epoch 3"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of a step that reads a table, waiting for the wire a quarter of its time."""
    stats = Stats(3, 0.415, 20.0, 0.1, 4_000_000, 1000, 2_000_000_000, 250, 5.0, 5.0, 0.0, 100.0, 10.0, 8, 2)
    telemetry_folder(tmp_path / "model.log").mkdir()
    (telemetry_folder(tmp_path / "model.log") / "1-a.json").write_bytes(to_json(StatsSnapshot(1, stats, stats)))
    return tmp_path / "model.log"


READS = "epoch 3: 41 % read, waiting for the wire, 200k rows/s, 100 MB/s"
ENDED = "model: ran in 21.0 s, 5.0 s of them waiting for the wire (never run)"


def test_what_a_step_reads_stands_below_what_it_prints(log: Path) -> None:
    log.write_text("loss 0.25\n")
    bars = Bars(TextColumn("{task.description}"), TextColumn("{task.fields[note]}"), console=Console(width=90))
    lines = LiveLines(bars)
    lines.started("model", "never run", log)
    lines.refresh()
    with bars.console.capture() as drawn:
        bars.console.print(bars)
    assert [line.strip() for line in drawn.get().splitlines()] == ["model loss 0.25", READS]
    with bars.console.capture() as drawn:
        lines.ended(StepRecord("model", "ran", None, 21.0, "never run"))
    assert drawn.get().strip() == ENDED


def test_a_step_that_reads_nothing_has_one_line(tmp_path: Path) -> None:
    bars = Bars(TextColumn("{task.fields[note]}"), console=Console(width=90))
    lines = LiveLines(bars)
    lines.started("model", "never run", tmp_path / "model.log")
    lines.refresh()
    with bars.console.capture() as drawn:
        bars.console.print(bars)
    assert drawn.get().strip() == "never run"


def test_without_a_terminal_a_line_comes_only_after_a_long_silence(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = PlainLines(reading=True)
    lines.started("model", "never run", log)
    lines.refresh()
    assert capsys.readouterr().err == "model: runs (never run)\n"
    monkeypatch.setattr(shown_by, "SILENT_S", 0.0)
    lines.refresh()
    assert capsys.readouterr().err == f"model: {READS}\n"
    lines.ended(StepRecord("model", "ran", None, 21.0, "never run"))
    lines.refresh()
    assert capsys.readouterr().err == f"{ENDED}\n"


def test_a_run_for_a_machine_says_nothing_of_what_is_read(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shown_by, "SILENT_S", 0.0)
    monkeypatch.setattr(shown_by, "REFRESH_S", 0.01)
    with progress(live=False, reading=False) as shown:
        shown.started("model", "never run", log)
        time.sleep(0.1)
        shown.ended(StepRecord("model", "ran", None, 21.0, "never run"))
    assert capsys.readouterr().err == "model: runs (never run)\nmodel: ran in 21.0 s (never run)\n"


SPARK = "Spark job 2, stage 1 of 3: 37 of 200 tasks done, 2 run"


def test_the_spark_stage_of_a_step_is_shown_while_it_is_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "features.log"
    stages_file(log).write_text(f"{StageProgress(2, 1, 3, 37, 200, 2)}\n")
    monkeypatch.setattr(shown_by, "SILENT_S", 0.0)
    lines = PlainLines(reading=True)
    lines.started("features", "never run", log)
    lines.refresh()
    assert capsys.readouterr().err == f"features: runs (never run)\nfeatures: {SPARK}\n"
    bars = Bars(TextColumn("{task.fields[note]}"), console=Console(width=90))
    live = LiveLines(bars)
    live.started("features", "never run", log)
    live.refresh()
    with bars.console.capture() as drawn:
        bars.console.print(bars)
    assert [line.strip() for line in drawn.get().splitlines()] == ["never run", SPARK]
    old = time.time() - 60
    os.utime(stages_file(log), (old, old))
    assert stage_line(log) == ""
