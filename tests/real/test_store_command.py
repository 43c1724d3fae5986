"""`seatrial store`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.cli import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["store", *arguments])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_start_status_and_stop_tell_one_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("--directory", str(tmp_path))
    assert "does not run" in said(capsys, "status", *here)
    started = said(capsys, "start", *here)
    try:
        found = json.loads(said(capsys, "status", "--json", *here))
        assert found["running"]
        assert found["endpoint"] in started
        assert not found["in_use"]
    finally:
        assert "has ended" in said(capsys, "stop", *here)
    assert json.loads(said(capsys, "status", "--json", *here))["running"] is False
    assert "did not run" in said(capsys, "stop", *here)
