"""Manifests of these tests are kept in a folder of theirs."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="package")
def _manifests(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEATRIAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
