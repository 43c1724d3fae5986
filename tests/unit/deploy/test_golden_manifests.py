"""The documents of each target, as files to look at. After a wanted change, run once with SEATRIAL_WRITE_GOLDEN=1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seatrial.deploy import TARGET_NAMES, target
from seatrial.deploy.service import ServiceSettings

GOLDEN = Path(__file__).parent / "golden"
SERVICE = ServiceSettings(
    name="census",
    version=2,
    release_digest="51a7" * 16,
    model_digest="90de" * 16,
    verdict="inconclusive",
    waived_until="2026-12-01T00:00:00Z",
    image=f"registry.example/census@sha256:{'1a9e' * 16}",
    store_url="s3://lake/census",
    endpoint="https://minio.data:9000",
    namespace="models",
    callers=("web",),
    trust=f'[keys]\nrelease = ["ed25519:{"0" * 64}"]\n',
)


@pytest.mark.parametrize("name", TARGET_NAMES)
def test_documents_are_the_ones_on_record(name: Any) -> None:
    folder = GOLDEN / name
    documents = {one.path: one.text for one in target(name).render_service(SERVICE)}
    if os.environ.get("SEATRIAL_WRITE_GOLDEN"):
        for path, text in documents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        pytest.skip(f"written, not compared: {folder}")
    on_record = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert documents == on_record
