"""The command that a `Next:` line names means the project, profile and parameters of the call that printed it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pyarrow.csv
import pytest

from seatrial.cli import VERBS, main
from seatrial.cli.next_command import TAKES_PARAMETERS, TAKES_TRUST, Call
from tests.real.finished_project import GOOD, linear, ships

CLI = Path(__file__).parents[3] / "src" / "seatrial" / "cli"
STEPS = (
    "from seatrial import step\n\n\n@step()\ndef rows(*, many: int = 3, name: str = ''):\n    return {'many': many}\n"
)


def ended(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    """The exit status of a command, and the commands that its `Next:` line names."""
    with pytest.raises(SystemExit) as end:
        main(words)
    printed = capsys.readouterr()
    line = next((one for one in (printed.out + printed.err).splitlines() if one.startswith("Next: ")), "")
    assert isinstance(end.value.code, int), printed
    return end.value.code, re.findall(r"seatrial [^;,]*", line)


def test_only_options_that_the_next_command_has_are_kept() -> None:
    call = Call("prod", Path("ships"), ("model.epochs=3",), 20, no_cache=True, trust=Path("trust.toml"))
    shared = "--profile prod --directory ships"
    assert call.then("run") == f"seatrial run --set model.epochs=3 --no-cache --budget 20 {shared}"
    assert call.then("plan") == f"seatrial plan --set model.epochs=3 --no-cache {shared}"
    assert call.then("report", "a@1") == f"seatrial report a@1 --trust trust.toml {shared}"
    assert call.then("releases") == f"seatrial releases {shared}"


def test_what_was_left_at_its_default_is_not_said() -> None:
    assert Call().then("run") == "seatrial run"
    assert Call(on="kubectl").then("run") == "seatrial run --on kubectl"
    assert Call(on="kubectl").then("report") == "seatrial report"


def test_a_shell_reads_back_what_was_set() -> None:
    sets = ("rows.name=it's two words", "rows.many=5")
    assert shlex.split(Call(sets=sets).then("run"))[2:] == ["--set", sets[0], "--set", sets[1]]


def test_the_verbs_that_take_parameters_and_trust_are_those_that_have_the_options() -> None:
    from seatrial.cli import _app

    for option, verbs in (("--set", TAKES_PARAMETERS), ("--trust", TAKES_TRUST)):
        having = {
            verb
            for verb in VERBS
            if VERBS[verb].show
            and (app := _app(verb)[verb]).default_command is not None
            and any(option in argument.names for argument in app.assemble_argument_collection())
        }
        assert having == set(verbs)


def test_no_command_spells_the_next_command_of_a_project_by_hand() -> None:
    by_hand = re.compile(r"Next: [^{\"]*seatrial (plan|run|runs|releases|report|verify|serve|deploy|diff|export|waive)")
    assert [path.name for path in CLI.rglob("*.py") if by_hand.search(path.read_text())] == []


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "seatrial.toml").write_text(f'[project]\nname = "small"\npipeline = "steps_of_{tmp_path.name}"\n')
    (folder / f"steps_of_{tmp_path.name}.py").write_text(STEPS)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    "options", [("--set", "rows.many=5"), ("--no-cache",), ("--set", "rows.many=5", "--set", "rows.name=a b")]
)
def test_plan_names_the_run_that_it_planned(
    steps: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    status, named = ended(capsys, "plan", *options, "--directory", "p")
    assert status == 0
    assert named == [shlex.join(["seatrial", "run", *options, "--directory", "p"])]


@pytest.mark.simulation
def test_a_run_that_ends_without_a_release_says_what_the_project_lacks(
    steps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--directory", "p"])
    out = capsys.readouterr().out
    assert "Next: name the model and its test data in" in out
    assert "then seatrial run --directory p" in out
    _, named = ended(capsys, "plan", "--directory", "p")
    assert named == ["seatrial run --directory p"]
    with pytest.raises(SystemExit):
        main(["plan", "--directory", "p"])
    assert "Next: name the model and its test data in" in capsys.readouterr().out, "everything is cached: no run helps"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a second profile that alone has a release."""
    around = tmp_path_factory.mktemp("around")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(around)
        patch.setenv("SEATRIAL_HOME", str(around / "home"))
        (around / "model.onnx").write_bytes(linear(GOOD))
        pyarrow.csv.write_csv(ships(), "test.csv")
        with pytest.raises(SystemExit) as end:
            main(["init", "ships", "--from", "model.onnx", "--test", "test.csv", "--label", "late"])
        assert end.value.code == 0
        with (around / "ships" / "seatrial.toml").open("a") as file:
            file.write('\n[profile.other]\nstore = { url = "file:other" }\n')
        with pytest.raises(SystemExit) as end:
            main(["run", "--directory", "ships", "--profile", "other"])
        assert end.value.code in (0, 3)
    return around


@pytest.mark.simulation
@pytest.mark.parametrize(
    "words",
    [
        ("plan",),
        ("run",),
        ("runs",),
        ("releases",),
        ("verify",),
        ("report", "ships@1"),
        ("diff", "ships@1", "ships"),
        ("predict", "ships@1", "test.csv"),
    ],
)
def test_the_next_command_finds_what_this_one_found(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("SEATRIAL_HOME", str(project / "home"))
    _, named = ended(capsys, *words, "--profile", "other", "-C", "ships")
    assert named
    for command in named:
        assert "--profile other --directory ships" in command
        if command.startswith("seatrial serve"):
            continue
        with pytest.raises(SystemExit) as end:
            main(shlex.split(command)[1:])
        printed = capsys.readouterr()
        assert end.value.code in (0, 3), printed.err
        assert "does not have" not in printed.err


@pytest.mark.simulation
def test_a_plan_in_which_everything_is_cached_names_the_report_of_its_release(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    shared = "--profile other --directory ships"
    assert ended(capsys, "plan", *shared.split()) == (0, [f"seatrial report ships@1 {shared}"])
    assert ended(capsys, "plan", "--no-cache", *shared.split()) == (0, [f"seatrial run --no-cache {shared}"])


@pytest.mark.simulation
def test_files_are_rehearsed_until_a_run_has_counted(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    shared = "--profile other --directory ships"
    assert ended(capsys, "put", "test.csv", "raw/", *shared.split()) == (0, [f"seatrial plan {shared}"])
    folder = project / "fresh"
    folder.mkdir()
    (folder / "seatrial.toml").write_text(
        '[project]\nname = "fresh"\n[data]\ntest = "rows.test"\nvalidation = "rows.validation"\n'
        'label = "y"\ntask = "binary"\n[model]\nfrom = "model"\n'
    )
    assert ended(capsys, "put", "test.csv", "raw/", "-C", "fresh") == (
        0,
        ["seatrial run --rehearse --directory fresh"],
    )


@pytest.mark.simulation
def test_the_next_command_of_a_document_is_not_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["runs", "--json", "--profile", "other", "-C", str(project / "ships")])
    assert json.loads(capsys.readouterr().out)["runs"]
