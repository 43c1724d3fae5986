"""`seatrial runs show`: a run as its record and the kept logs tell it, on a machine that did not run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.pipeline.places.run_documents import log_key
from seatrial.pipeline.running.run_records import RunRecord, StepRecord, write_run
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings

RUN = "20261124T080000-bbbbbb"
ERROR: dict[str, str | int | None] = {
    "code": "step",
    "path": "pipeline.py",
    "line": 12,
    "problem": "step 'model' raised ValueError: no wind",
    "hint": "Wait for some.",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "seatrial.toml").write_text(
        '[project]\nname = "ships"\n[profile.prod]\nstore = { url = "file:store" }\n', encoding="utf-8"
    )
    objects = open_objects(StoreSettings(url=(tmp_path / "store").as_uri()))
    steps = (
        StepRecord("rows", "cached", "0" * 64, 0.1, "cached"),
        StepRecord("model", "failed", "1" * 64, 3.25, str(ERROR["problem"]), errors=(ERROR,)),
        StepRecord("assess", "skipped", None, 0.0, "an input was not made"),
    )
    write_run(objects, RunRecord(RUN, "2026-11-24T08:00:00Z", "prod", False, {}, "failed", steps))
    objects.put(log_key(RUN, "model"), "".join(f"line {number}\n" for number in range(20)).encode())
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["runs", "show", *words, "--profile", "prod"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_a_run_is_shown_step_by_step_with_where_it_failed(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "20261124")
    assert out.startswith(f"{RUN}  failed  no release\nstarted 2026-11-24T08:00:00Z, profile prod\n")
    assert "failed       3.2 s  model: step 'model' raised ValueError: no wind\n  at pipeline.py:12\n" in out
    assert "  Wait for some.\n" in out
    assert "    line 19\n" in out
    assert "line 9\n" not in out
    assert f"Next: seatrial runs show {RUN} --step model --profile prod" in out


def test_one_step_is_shown_with_all_that_it_printed(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, RUN, "--step", "model")
    assert "line 0\n" in out
    assert "cached" not in out


def test_as_a_document_it_has_the_errors_and_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, RUN, "--json"))
    model = document["steps"][1]
    assert (document["run"], document["ending"], model["errors"]) == (RUN, "failed", [ERROR])
    assert model["log"][-1] == "line 19"
    assert document["steps"][0]["log"] is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("2025",), f"2025: the name of a run was expected, and none begins so. The newest: {RUN}."),
        ((RUN, "--step", "modle"), "step 'modle' did not end in this run. Did you mean \"model\"?"),
    ],
)
def test_what_is_not_there_is_told(words: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["runs", "show", *words, "--profile", "prod"])
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err
