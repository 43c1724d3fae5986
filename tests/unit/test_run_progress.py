"""How a run shows itself in a terminal, whatever its steps print."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from seatrial.cli.progress import last_line, progress
from seatrial.pipeline.records import StepRecord

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
