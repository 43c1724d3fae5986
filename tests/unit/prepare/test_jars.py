"""Jars: pinned by a digest, fetched once, whole or not used."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from seatrial.errors import InputError, StepFailed
from seatrial.prepare import jars
from seatrial.prepare.jars import POSTGRESQL, SPARK, JarList, fetch_jars, fetched_jars, jar_lists, jars_in, missing_jars

TWO = JarList("two", ("org.a:alpha:1.0", "org.b:beta:2.0"), ())


def fill(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"jar")


@pytest.fixture
def submissions(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands in for spark-submit: puts what `TWO` and one dependency of it are where Ivy would."""
    seen: list[list[str]] = []

    def run(command: list[str], log: Path) -> None:
        seen.append(command)
        fill(log.parent / "jars", ["org.a_alpha-1.0.jar", "org.b_beta-2.0.jar", "org.c_gamma-3.0.jar"])

    monkeypatch.setattr(jars, "_run", run)
    return seen


def test_another_coordinate_or_exclude_is_another_digest() -> None:
    changed = [dataclasses.replace(SPARK, coordinates=SPARK.coordinates[1:]), dataclasses.replace(SPARK, excludes=())]
    assert len({SPARK.digest, *(one.digest for one in changed)}) == 3


def test_the_postgresql_driver_is_only_for_a_postgresql_catalog() -> None:
    assert jar_lists("sqlite:////c.db") == (SPARK,)
    assert jar_lists("postgresql://host/db") == jar_lists("postgresql+psycopg2://host/db") == (SPARK, POSTGRESQL)


def test_the_sdk_bundle_is_never_asked_for() -> None:
    assert "software.amazon.awssdk:bundle" in SPARK.excludes


def test_a_second_fetch_uses_the_files_of_the_first(tmp_path: Path, submissions: list[list[str]]) -> None:
    first = fetch_jars([TWO], cache=tmp_path)
    assert [path.name for path in first] == ["org.a_alpha-1.0.jar", "org.b_beta-2.0.jar", "org.c_gamma-3.0.jar"]
    assert fetch_jars([TWO], cache=tmp_path) == first
    assert len(submissions) == 1


def test_a_jar_that_was_cut_short_or_removed_is_fetched_again(tmp_path: Path, submissions: list[list[str]]) -> None:
    fetch_jars([TWO], cache=tmp_path)[0].write_bytes(b"")
    assert fetched_jars(TWO, tmp_path) is None
    fetch_jars([TWO], cache=tmp_path)[0].unlink()
    assert fetched_jars(TWO, tmp_path) is None
    fetch_jars([TWO], cache=tmp_path)
    assert len(submissions) == 3


def test_a_fetch_that_was_killed_left_nothing_that_counts(tmp_path: Path) -> None:
    fill(tmp_path / f"two-{TWO.digest}" / "jars", ["org.a_alpha-1.0.jar", "org.b_beta-2.0.jar"])
    assert fetched_jars(TWO, tmp_path) is None


def test_a_record_that_is_not_json_counts_as_none(tmp_path: Path, submissions: list[list[str]]) -> None:
    fetch_jars([TWO], cache=tmp_path)
    (tmp_path / f"two-{TWO.digest}" / "resolved.json").write_text("{")
    assert fetched_jars(TWO, tmp_path) is None


def test_a_jar_that_did_not_arrive_is_named_with_the_log(tmp_path: Path, submissions: list[list[str]]) -> None:
    three = dataclasses.replace(TWO, coordinates=(*TWO.coordinates, "org.d:delta:4.0"))
    with pytest.raises(StepFailed, match=r"fetch\.log: .*did not arrive: delta-4\.0\.jar.*seatrial doctor"):
        fetch_jars([three], cache=tmp_path)
    assert not (tmp_path / f"two-{three.digest}" / "resolved.json").exists()


def test_progress_is_told_only_when_something_is_fetched(tmp_path: Path, submissions: list[list[str]]) -> None:
    lines: list[str] = []
    for _ in range(2):
        fetch_jars([TWO], cache=tmp_path, progress=lines.append)
    assert len(lines) == 1


def test_excludes_and_the_users_ivy_folder_reach_spark(tmp_path: Path, submissions: list[list[str]]) -> None:
    fetch_jars([dataclasses.replace(TWO, excludes=("org.x:*",))], cache=tmp_path)
    (command,) = submissions
    assert "spark.jars.packages=org.a:alpha:1.0,org.b:beta:2.0" in command
    assert "spark.jars.excludes=org.x:*" in command
    assert any(part.startswith(f"spark.jars.ivy={tmp_path}") for part in command)


@pytest.mark.parametrize("names", [["alpha-1.0.jar", "beta-2.0.jar"], ["org.a_alpha-1.0.jar", "org.b_beta-2.0.jar"]])
def test_a_folder_of_jars_may_be_named_by_maven_or_by_ivy(tmp_path: Path, names: list[str]) -> None:
    fill(tmp_path, [*names, "other.jar"])
    assert len(jars_in(tmp_path, [TWO])) == 3


def test_a_folder_that_lacks_a_jar_says_which(tmp_path: Path) -> None:
    fill(tmp_path, ["alpha-1.0.jar", "beta-1.9.jar"])
    assert missing_jars(tmp_path, [TWO]) == ["beta-2.0.jar"]
    with pytest.raises(InputError, match=r"lacks beta-2\.0\.jar"):
        jars_in(tmp_path, [TWO])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the folder of jars does not exist"):
        jars_in(tmp_path / "gone", [TWO])


def test_the_record_holds_names_and_sizes(tmp_path: Path, submissions: list[list[str]]) -> None:
    fetch_jars([TWO], cache=tmp_path)
    record = json.loads((tmp_path / f"two-{TWO.digest}" / "resolved.json").read_bytes())
    assert record == {"org.a_alpha-1.0.jar": 3, "org.b_beta-2.0.jar": 3, "org.c_gamma-3.0.jar": 3}
