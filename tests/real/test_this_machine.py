"""Steps on this machine, by the suite that every place passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.pipeline.places.this_machine import ThisMachine
from tests.place_contract import CHECKS, Subject, opened, write_project


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_this_machine(check: Callable[[Subject], None], tmp_path: Path) -> None:
    write_project(tmp_path / "places", '[profile.local]\nstore = { url = "file:.seatrial/objects" }\n')
    with opened(ThisMachine, tmp_path / "places", "local", "run") as subject:
        check(subject)
