"""A run in a terminal shows how its training step's reading of a table goes, in whichever process it reads."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.real.small_project import SmallProject

pytestmark = pytest.mark.real
FITS = "    data = train.to_arrow()"
# Four seconds in a process that the step starts, as a DataLoader's worker is; then the step goes on.
READS = """    import multiprocessing
    import time

    def rows():
        for batch in train.batches(columns=["wind"], batch_rows=15, epoch=3):
            time.sleep(0.04)

    worker = multiprocessing.get_context("fork").Process(target=rows)
    worker.start()
    print("fitting", flush=True)
    worker.join()
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
ROWS, COLUMNS = 30, 100


def in_a_terminal(project: SmallProject, *arguments: str) -> str:
    """What the command shows on a terminal of its own, without colours."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**project.environment, "TERM": "xterm", "COLUMNS": str(COLUMNS)}
    command = [sys.executable, "-m", "seatrial", *arguments]
    with subprocess.Popen(
        command, cwd=project.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # the terminal's last user is gone
                break
            if not read:
                break
            shown += read
        os.close(ours)
        assert process.wait() == 0, shown
    return ESCAPES.sub("", shown.decode(errors="replace"))


def test_what_a_process_of_a_step_reads_is_shown_below_what_the_step_prints(tmp_path: Path) -> None:
    project = SmallProject(tmp_path)
    project.edit("pipeline.py", FITS, f"{READS}{FITS}")
    shown = in_a_terminal(project, "run", "--rehearse")
    live = re.findall(r"model \d:\d\d:\d\d fitting\s+(epoch 3: \d+ % read, [a-z ]+, \d+ rows/s, [\d.]+ MB/s)", shown)
    assert live, shown
    assert "the trainer is busy" in live[-1]
    assert re.search(r"model: ran in [\d.]+ s \(never run\)", shown), "it did not wait, and does not say so"
