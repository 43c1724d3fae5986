"""What this machine has: Python, Java, jars, disk, kubectl, keys."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from seatrial.doctor.check import Check
from seatrial.prepare.jars import fetch_jars, jar_cache, jar_lists, jars_in
from seatrial.prepare.java import java_version
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.releases.keys import find_key, seatrial_home

OLDEST_PYTHON = (3, 11)
GIB = 2**30
# The example needs 0.3 GiB for jars and 0.1 for tables; below one a run of it may end with a full disk.
LEAST_DISK_GIB = 1
LITTLE_DISK_GIB = 5
NO_SPARK = Check(
    "spark",
    "warn",
    "pyspark is not installed: steps of the kind spark cannot run here.",
    'Where they should: pip install "seatrial[spark]".',
)


def python() -> Check | str:
    """The Python that runs this."""
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "fail", f"{version} at {sys.executable}", "Install Python 3.11 or newer.")
    return f"{version} at {sys.executable}"


def has_spark() -> bool:
    """Whether pyspark is installed, without loading it."""
    return find_spec("pyspark") is not None


def java() -> str:
    """The Java that Spark would use."""
    runtime = java_version()
    return f"{runtime.version} at {runtime.path}"


def jars(settings: SparkSettings, catalog_uri: str, progress: Callable[[str], None] | None) -> str:
    """The jars that a session would use; fetched now where they are missing."""
    lists = jar_lists(catalog_uri)
    if settings.jars is not None:
        return f"{len(jars_in(settings.jars, lists))} in {settings.jars}"
    files = fetch_jars(lists, progress=progress)
    return f"{len(files)}, {sum(path.stat().st_size for path in files) / 2**20:.0f} MiB, in {jar_cache()}"


def disk(folder: Path) -> Check | str:
    """The room left where the project, or else the cache, is."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GIB
    free_space = f"{free:.1f} GiB free at {folder.resolve()}"
    if free < LEAST_DISK_GIB:
        return Check("disk", "fail", free_space, "Free some, or move the project to a larger disk.")
    if free < LITTLE_DISK_GIB:
        return Check("disk", "warn", free_space, f"Less than {LITTLE_DISK_GIB} GiB is soon gone.")
    return free_space


def kubectl() -> Check | str:
    """The client of a cluster; only `deploy --apply` needs one."""
    path = shutil.which("kubectl")
    if path is None:
        return Check(
            "kubectl",
            "warn",
            "not on the PATH: `seatrial deploy` renders manifests, and cannot send them.",
            "Install kubectl where you send them from.",
        )
    return path


def keys() -> Check | str:
    """The key that releases are signed with."""
    home = seatrial_home(os.environ)
    key = find_key(home, "release")
    if key is None:
        return Check(
            "keys",
            "warn",
            f"no release key under {home}: the first release makes one.",
            "Or now: seatrial keys new --role release",
        )
    return f"a release key under {home}"
