"""Ctrl-C ends a command with the status that shells expect, and says what became of the work."""

from __future__ import annotations

import pytest

from seatrial.cli import INTERRUPTED, main
from seatrial.stores import embedded


def test_an_interrupted_command_says_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(state: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedded, "status", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["store", "status"])
    assert ended.value.code == INTERRUPTED
    assert "the next run continues" in capsys.readouterr().err
