from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.pipeline.jobs.job import pin_objects
from seatrial.pipeline.steps.declaration import Files
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    found = open_objects(StoreSettings(url=tmp_path.as_uri()))
    for key in ("raw/a.csv", "raw/b.csv", "raw/old/c.csv", "raw/a.txt"):
        found.put(key, b"x")
    return found


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("raw/*.csv", {"raw/a.csv", "raw/b.csv"}),
        ("raw/*/*.csv", {"raw/old/c.csv"}),
        ("*/a.csv", {"raw/a.csv"}),
        ("raw/a.csv", {"raw/a.csv"}),
    ],
)
def test_a_star_stays_within_its_folder(objects: Objects, pattern: str, found: set[str]) -> None:
    assert set(pin_objects(objects, Files(pattern), "step").etags) == found


def test_a_pattern_that_matches_nothing_is_named(objects: Objects) -> None:
    with pytest.raises(InputError, match=r"no file in the store matches 'raw/\*\.json'"):
        pin_objects(objects, Files("raw/*.json"), "step")
