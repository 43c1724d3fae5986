"""The documents of each target, as files to look at. After a wanted change, run once with SEATRIAL_WRITE_GOLDEN=1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seatrial.deploy import find_target
from seatrial.deploy.find_target import BUILT_IN
from tests.deploy_sample import SERVICE

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", BUILT_IN)
def test_documents_are_the_ones_on_record(name: Any) -> None:
    folder = GOLDEN / name
    documents = {one.path: one.text for one in find_target(name).render_service(SERVICE)}
    if os.environ.get("SEATRIAL_WRITE_GOLDEN"):
        for path, text in documents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        pytest.skip(f"written, not compared: {folder}")
    on_record = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert documents == on_record
