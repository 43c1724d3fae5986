"""Which store a project has when its profile names none: a plain folder, unless a step may need Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.doctor import examine, machine_checks
from seatrial.errors import InputError
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.local_store import has_spark_steps, local_store, plain_folder
from seatrial.pipeline.project.project_file import parse_project
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.workspace import STATE_VARIABLE, open_project

FILE = '[project]\nname = "small"\n'
PYTHON = "from seatrial import step\n\n@step()\ndef rows(): ...\n"
SPARK = 'from seatrial import step\n\n@step(kind="spark")\ndef rows(spark): ...\n'


def project(folder: Path, **modules: str) -> Project:
    (folder / "seatrial.toml").write_text(FILE)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return parse_project(FILE, folder)


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ({}, "folder"),
        ({"pipeline": PYTHON}, "folder"),
        ({"pipeline": SPARK}, "embedded"),
        ({"pipeline": "import features\n" + PYTHON, "features": SPARK}, "embedded"),
        ({"pipeline": PYTHON, "unused": SPARK}, "folder"),
        ({"pipeline": SPARK.replace('"spark"', "KIND")}, "embedded"),  # it may be
        ({"pipeline": "def ("}, "embedded"),
        ({"pipeline": "raise SystemExit('imported')\n" + PYTHON}, "folder"),  # it is read, and never imported
    ],
)
def test_a_server_is_for_steps_that_may_need_spark(tmp_path: Path, modules: dict[str, str], expected: str) -> None:
    assert local_store(project(tmp_path, **modules), tmp_path / ".seatrial") == expected


def test_the_census_example_has_spark_steps() -> None:
    folder = Path(__file__).parents[3] / "examples" / "census"
    assert has_spark_steps(parse_project((folder / "seatrial.toml").read_text(), folder))


@pytest.mark.parametrize(("there", "module"), [("store", PYTHON), ("local", SPARK)])
def test_what_is_there_stays(tmp_path: Path, there: str, module: str) -> None:
    (tmp_path / ".seatrial" / there).mkdir(parents=True)
    found = local_store(project(tmp_path, pipeline=module), tmp_path / ".seatrial")
    assert found == {"store": "embedded", "local": "folder"}[there]


def test_the_folder_is_in_the_state_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    with open_project(project(tmp_path), "local") as workspace:
        workspace.objects.put("runs/1.json", b"{}")
    assert (tmp_path / ".seatrial" / "local" / "runs" / "1.json").read_bytes() == b"{}"
    assert plain_folder(tmp_path, tmp_path / ".seatrial") == tmp_path / ".seatrial" / "local"


def test_no_server_is_started_for_a_plain_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    project(tmp_path)
    for arguments, status, told in ((["start"], 2, "no step needs a server"), (["status"], 0, "nothing has to run")):
        with pytest.raises(SystemExit) as ended:
            main(["store", *arguments, "--directory", str(tmp_path)])
        assert ended.value.code == status
        assert told in "".join(capsys.readouterr())
    assert not (tmp_path / ".seatrial" / "store").exists()


@pytest.mark.simulation
def test_the_doctor_asks_for_neither_java_nor_a_catalog_where_nothing_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(machine_checks, "java", lambda: pytest.fail("looked for Java"))
    project(tmp_path)
    checks = {check.name: check for check in examine(tmp_path, "local")}
    assert {name: checks[name].status for name in ("spark", "store", "catalog")} == dict.fromkeys(
        ("spark", "store", "catalog"), "ok"
    )
    assert "java" not in checks


def test_a_spark_step_that_comes_later_is_told_what_the_store_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    with (
        open_project(project(tmp_path), "local") as workspace,
        pytest.raises(InputError, match="plain folder") as caught,
    ):
        SharedSession(workspace, tmp_path / "spark.log").get()
    assert caught.value.hint is not None
    assert "Name a store in the profile" in caught.value.hint
