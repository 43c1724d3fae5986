"""What is installed in an image. The image's own Python runs this source, so it imports Python's library alone."""

from __future__ import annotations

import glob
import hashlib
import importlib.metadata
import json
import os
import subprocess


def inventory() -> dict[str, list[list[str]]]:
    """Debian packages (name, version, architecture), distributions (name, version), jars (file name, sha256)."""
    listed = subprocess.run(  # as the package manager knows them
        ["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    distributions = {
        (distribution.metadata["Name"], distribution.version) for distribution in importlib.metadata.distributions()
    }
    return {
        "debian": sorted(line.split("\t") for line in listed.stdout.splitlines()),
        "python": sorted(list(pair) for pair in distributions),
        "jars": [[os.path.basename(path), _sha256(path)] for path in sorted(_jars())],  # noqa: PTH119
    }


def _jars() -> list[str]:
    return [path for folder in ("/opt/jars", "/opt/spark/jars") for path in glob.glob(f"{folder}/*.jar")]  # noqa: PTH207


def _sha256(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    print(json.dumps(inventory()))  # noqa: T201  # read by whoever started the image
