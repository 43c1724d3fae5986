"""Every shell block of the README and the docs runs, in a copy of the finished census example.

A block is skipped only by a comment right above it, `<!-- not run: the reason -->`. A command that is meant to end with
another status than 0 says so behind it: `# exit status 3`. A file that the commands need is a block of its own, of any
language, under `<!-- saved as NAME -->`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.slow.conftest import LIMIT_S, Example

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^>]+?) -->\n+)?^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SAVED = re.compile(r"<!-- saved as (?P<name>\S+) -->\n+^```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"#\s*exit status (\d+)\s*$")


def commands(page: Path) -> list[tuple[str, int]]:
    """The commands of a page and the status that each is meant to end with; a trailing backslash joins lines."""
    found = []
    for block in BLOCK.finditer(page.read_text()):
        if block["reason"]:
            continue
        for line in block["text"].replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                status = STATUS.search(line)
                found.append((STATUS.sub("", line).strip(), int(status[1]) if status else 0))
    return found


def test_blocks_that_do_not_run_say_why_and_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = [
        (page.relative_to(ROOT), block["reason"]) for page in PAGES for block in BLOCK.finditer(page.read_text())
    ]
    reasons = [f"{page}: {reason}" for page, reason in skipped if reason]
    with capsys.disabled():
        print(f"\n{len(skipped)} shell blocks in the docs; {len(reasons)} do not run:")
        print("\n".join(f"  {reason}" for reason in reasons))
    assert len(skipped) > len(reasons)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if commands(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_commands_of_a_page_do_what_it_says(page: Path, census: Example, tmp_path: Path) -> None:
    assert census.call("store", "stop").returncode == 0  # so that its files can be copied whole
    project = tmp_path / "census"
    shutil.copytree(census.folder, project, symlinks=True, ignore=shutil.ignore_patterns("exported", "cache"))
    home = tmp_path / "home"
    shutil.copytree(census.folder.parent / "home", home)
    for saved in SAVED.finditer(page.read_text()):
        (project / saved["name"]).write_text(saved["text"])
    for command, status in commands(page):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=project,
            env={**census.environment, "SEATRIAL_HOME": str(home), "XDG_STATE_HOME": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == status, f"{page.name}: {command}\n{done.stdout}{done.stderr}"
