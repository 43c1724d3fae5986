"""`seatrial doctor`: one line a check, a hint for each that isn't ok, and the right exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seatrial.cli.project.doctor import command
from seatrial.doctor import Check, examine, machine_checks
from seatrial.doctor.check import checked
from seatrial.doctor.store_checks import conditional_writes
from seatrial.errors import InputError
from seatrial.stores.objects import Blob
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Spark, no home of the developer: what is found is what the test put there."""
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEATRIAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(machine_checks, "has_spark", lambda: False)


def test_an_error_is_a_failed_check_with_its_mend() -> None:
    def look() -> str:
        raise InputError("no java.", path="/opt/java", hint="Install Java 17.")

    assert checked("java", look) == Check("java", "fail", "/opt/java: no java.", "Install Java 17.")


def test_outside_a_project_store_and_catalog_are_skipped_and_it_says_so(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine(tmp_path, "local")}
    assert "store" not in checks
    assert "store and catalog are skipped" in checks["project"].detail


def test_what_is_missing_and_not_needed_here_only_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    checks = {check.name: check for check in examine(tmp_path, "local")}
    assert {checks[name].status for name in ("kubectl", "keys", "spark")} == {"warn"}
    assert all(checks[name].hint for name in ("kubectl", "keys", "spark"))


def test_json_is_one_document_and_the_status_is_1_when_something_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seatrial.toml").write_text("[projet]\n")
    assert command(directory=tmp_path, json=True) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {tuple(check) for check in checks} == {("name", "status", "detail", "hint")}
    assert [check["name"] for check in checks if check["status"] == "fail"] == ["project"]


def test_the_table_ends_by_naming_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(directory=tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Next: seatrial init DIR"
    (tmp_path / "seatrial.toml").write_text('[project]\nname = "small"\n')
    assert command(directory=tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Next: seatrial plan")


def test_a_log_gets_one_line_a_check_whatever_its_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(directory=tmp_path)
    checks = list(examine(tmp_path, "local"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [check.status for check in checks]


def test_a_full_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 2**20

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage)
    found = machine_checks.disk(tmp_path)
    assert isinstance(found, Check)
    assert found.status == "fail"


@pytest.mark.parametrize("ignored", ["If-None-Match", "If-Match"])
def test_a_store_that_ignores_a_condition_is_found_out(tmp_path: Path, ignored: str) -> None:
    objects = open_objects(StoreSettings(tmp_path.as_uri()))

    class Careless:
        def put(self, key: str, content: bytes | Path, *, if_absent: bool = False) -> str:
            return objects.put(key, content, if_absent=if_absent and ignored != "If-None-Match")

        def get(self, key: str, *, etag: str | None = None) -> Blob:
            return objects.get(key, etag=None if ignored == "If-Match" else etag)

        list, delete = objects.list, objects.delete

    found = conditional_writes(Careless())
    assert isinstance(found, Check)
    assert found.status == "fail"
    assert ignored in found.detail


def test_a_store_that_keeps_its_promises_is_left_as_it_was(tmp_path: Path) -> None:
    objects = open_objects(StoreSettings(tmp_path.as_uri()))
    assert conditional_writes(objects) == "If-None-Match and If-Match are honoured"
    assert list(objects.list()) == []
