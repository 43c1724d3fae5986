"""The Java that Spark runs on: found as Spark finds it, its version read from its own mouth."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError

# Spark 4 is compiled for Java 17; the newest release it is tested on is 21.
OLDEST_JAVA = 17
ANSWER_S = 20
HINT = "Install Java 17 (Debian: apt-get install openjdk-17-jre-headless) and point JAVA_HOME at it."


@dataclass(frozen=True, slots=True)
class Java:
    """One Java runtime: `version` as it states it ("17.0.15"), `major` the number that decides."""

    path: Path
    version: str
    major: int


def java_version() -> Java:
    """The Java that Spark would use ($JAVA_HOME, else the PATH); none, or one that is too old, is an `InputError`."""
    home = os.environ.get("JAVA_HOME")
    executable = shutil.which("java", path=None if not home else str(Path(home) / "bin"))
    if executable is None:
        where = f"under JAVA_HOME ({home})" if home else "on the PATH, and JAVA_HOME is not set"
        raise InputError(f"Spark needs Java {OLDEST_JAVA}; there is no java {where}.", hint=HINT)
    java = _ask(Path(executable))
    if java.major < OLDEST_JAVA:
        raise InputError(f"Spark needs Java {OLDEST_JAVA}; this is Java {java.version}.", path=executable, hint=HINT)
    return java


def _ask(path: Path) -> Java:
    try:
        answer = subprocess.run([str(path), "-version"], capture_output=True, text=True, timeout=ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"java does not start ({error}).", path=str(path), hint=HINT) from None
    version = parse_version(answer.stderr + answer.stdout)
    if version is None:
        raise InputError("`java -version` states no version.", path=str(path), hint=HINT)
    return Java(path, *version)


def parse_version(text: str) -> tuple[str, int] | None:
    """The version and its deciding number in what `java -version` printed; up to Java 8 that is the second number.

    >>> parse_version('openjdk version "17.0.15" 2025-04-15'), parse_version('java version "1.8.0_402"')
    (('17.0.15', 17), ('1.8.0_402', 8))
    """
    match = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', text)
    return None if match is None else (match[1], int(match[2]))
