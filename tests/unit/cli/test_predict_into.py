"""`seatrial predict --into`: what is refused before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.cli.release.predict import command
from seatrial.errors import InputError
from seatrial.pipeline.score_table import score_table_of_project
from seatrial.prepare.score_table import ScoringRelease


def test_a_file_and_a_table_exclude_each_other() -> None:
    with pytest.raises(InputError, match="--output and --into exclude each other"):
        command("census", "people", output=Path("a.csv"), into="scored")


@pytest.mark.parametrize("name", ["", "a.b.c", ".people", "rows.", "a`b", "s3://lake/rows.parquet", "rows/a.csv"])
def test_what_is_not_the_name_of_a_table_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "seatrial.toml").write_text('[project]\nname = "census"\n')
    release = ScoringRelease("census@1", "d" * 64, {})
    with pytest.raises(InputError, match=r"must be NAMESPACE\.TABLE"):
        score_table_of_project(
            release, name, "scored", directory=tmp_path, profile="local", on_part=lambda _done, _parts: None
        )
