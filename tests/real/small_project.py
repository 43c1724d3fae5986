"""The small project in a folder of its own, driven through its command line as a user would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "projects" / "small"
LIMIT_S = 600  # 10 s on idle cores, 130 s where others share them: a hang is told all the same, and load is none


class SmallProject:
    """A copy of the small project, with keys of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "small"
        shutil.copytree(SOURCE, self.folder, ignore=shutil.ignore_patterns("__pycache__", ".seatrial"))
        self.environment = {**os.environ, "SEATRIAL_HOME": str(folder / "home"), "COLUMNS": "120"}

    def start(self, *arguments: str, where: Path | None = None) -> subprocess.Popen[str]:
        """Starts a command, in its folder or elsewhere, without waiting for it."""
        # A shell that runs the tests in the background ignores Ctrl-C, and so would every child of ours.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            [sys.executable, "-m", "seatrial", *arguments],
            cwd=where or self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def call(self, *arguments: str, where: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        with self.start(*arguments, where=where) as process:
            output, errors = process.communicate(timeout=LIMIT_S)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def json(self, *arguments: str, status: int = 0) -> Any:
        """The one document that a `--json` command prints; its exit status must be `status`."""
        done = self.call(*arguments, "--json")
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def states(self, document: Any) -> dict[str, str]:
        """How each step of a `run` or `plan` document ended."""
        return {step["name"]: step["state"] for step in document["steps"]}

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces a text that must be there in one of the project's files."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    @property
    def store(self) -> Path:
        """The folder that is its object store."""
        return self.folder / ".seatrial" / "objects"

    def uses(self) -> list[Path]:
        """The recorded uses of test data."""
        return sorted(self.store.glob("test-uses/*/*.json"))
