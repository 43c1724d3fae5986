"""Runs the tutorial in a new folder and puts what its commands print into the page: no output there is typed.

    python docs/refresh_tutorial.py

A text block right behind a shell block is replaced, unless it holds "…" or "~/.cache": those were shortened by hand,
and are printed here to be compared. The sentences around the blocks name numbers too: read the page afterwards.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parent / "tutorial.md"
BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n+)?^```sh\n(?P<commands>.*?)^```$(?:\n\n```text\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "you"
        folder.mkdir()
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SEATRIAL_HOME": str(Path(name) / "home"),
            "COLUMNS": "100",
        }
        here = folder

        def refreshed(block: re.Match[str]) -> str:
            nonlocal here
            if block["skip"]:
                return block[0]
            said = ""
            for command in block["commands"].replace("\\\n", " ").splitlines():
                if command.startswith("cd "):
                    here = here / command.removeprefix("cd ")
                    continue
                done = subprocess.run(
                    ["bash", "-c", command],
                    cwd=here,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                said += done.stdout
                print(f"$ {command}  [{done.returncode}]", flush=True)
            said = said.replace(str(folder), "/home/you").replace(environment["SEATRIAL_HOME"], "~/.config/seatrial")
            said = re.sub(r" +$", "", said, flags=re.MULTILINE)
            if block["output"] is None:
                print(said)
                return block[0]
            if "…" in re.sub(r"[0-9a-f]{12}…", "", block["output"]) or "~/.cache" in block["output"]:
                print(said)
                return block[0]
            start, end = (block.start("output") - block.start(), block.end("output") - block.start())
            return block[0][:start] + said + block[0][end:]

        PAGE.write_text(BLOCK.sub(refreshed, PAGE.read_text()))


if __name__ == "__main__":
    main()
