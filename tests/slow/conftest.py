"""The census example, run once from a new project as the README says; the tests of this folder look at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LIMIT_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(LIMIT_S))


@dataclass(frozen=True)
class Example:
    """A project made by `seatrial init --example census`, and the environment that its commands run in."""

    folder: Path
    environment: dict[str, str]

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs `seatrial …`, or with "python" first a script of the project's."""
        words = (
            [sys.executable, *command[1:]] if command[0] == "python" else [sys.executable, "-m", "seatrial", *command]
        )
        return subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    def json(self, *command: str, status: int = 0) -> Any:
        """The document of a `--json` command that ends with `status`."""
        done = self.call(*command, "--json")
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def new_census(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The example, initialised and with its data, and not run yet."""
    folder = tmp_path_factory.mktemp("example")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SEATRIAL_HOME": str(folder / "home"), "COLUMNS": "100"}
    before = Example(folder, environment)
    assert before.call("init", "census", "--example", "census").returncode == 0
    example = Example(folder / "census", environment)
    fetched = example.call("python", "fetch.py")
    assert fetched.returncode == 0, fetched.stderr
    return example


@pytest.fixture(scope="session")
def census(new_census: Example) -> Example:
    """The example after both runs: census@1 is the plain model, census@2 the mitigated one."""
    plain = new_census.json("run", status=3)
    mitigated = new_census.json("run", "--set", "model.mitigate=true")
    assert (plain["release"], mitigated["release"]) == ("census@1", "census@2")
    return new_census
