"""`seatrial init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Example = Annotated[Literal["census"], Parameter(help="The example to start from.")]


def command(folder: Path, /, *, example: Example = "census") -> int:
    """Start a project in a new folder: seatrial.toml, pipeline.py, README.

    For example:

        seatrial init people --example census
    """
    from seatrial.pipeline.examples import copy_example

    copy_example(example, folder)
    print("\n".join(f"{folder / name}" for name in sorted(path.name for path in folder.iterdir())))
    print(f"Next: cd {folder} && python fetch.py && seatrial run")
    return 0
