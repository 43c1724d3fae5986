"""A table for the tests of this folder, and a folder of theirs for manifests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.batches.packed_files import write_packed

FILES, GROUPS, GROUP_ROWS = 20, 3, 400


@pytest.fixture(autouse=True, scope="package")
def _manifests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEATRIAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def lake(tmp_path: Path) -> tuple[Path, list[str], int]:
    """A folder, its files, and how many rows they have."""
    rows = write_packed(tmp_path / "lake", files=FILES, groups=GROUPS, group_rows=GROUP_ROWS)
    return tmp_path / "lake", [f"{number}.parquet" for number in range(FILES)], rows
