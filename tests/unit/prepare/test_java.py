"""Which Java is good enough, and what is said of one that isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.prepare.java import java_version, parse_version

pytestmark = pytest.mark.simulation


def install_java(folder: Path, says: str) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "java").write_text(f"#!/bin/sh\n{says}\n")
    (folder / "bin" / "java").chmod(0o755)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', ("17.0.15", 17)),
        ('java version "1.8.0_402"', ("1.8.0_402", 8)),
        ('Picked up JDK_JAVA_OPTIONS: -Xmx1g\nopenjdk version "21" 2023-09-19', ("21", 21)),
        ("no java here", None),
    ],
)
def test_the_version_is_read_as_java_states_it(text: str, version: tuple[str, int] | None) -> None:
    assert parse_version(text) == version


def test_java_11_is_refused_with_its_version_and_the_way_to_17(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_java(tmp_path, "echo 'openjdk version \"11.0.22\" 2024-01-16' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"needs Java 17; this is Java 11\.0\.22\. Install Java 17") as refused:
        java_version()
    assert refused.value.path == str(tmp_path / "bin" / "java")


def test_java_17_is_taken_from_java_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_java(tmp_path, "echo 'openjdk version \"17.0.1\" 2021-10-19' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert (java_version().major, java_version().path) == (17, tmp_path / "bin" / "java")


def test_no_java_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"no java on the PATH, and JAVA_HOME is not set\. Install Java 17"):
        java_version()


def test_a_java_home_without_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=f"no java under JAVA_HOME .{tmp_path}"):
        java_version()


def test_a_java_that_does_not_start_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_java(tmp_path, "exit 3")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match="java does not start"):
        java_version()
