"""Tables scored by Spark: the answers are the predictor's, nothing is half visible, and a killed job goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog

from seatrial.errors import InputError, StepFailed
from seatrial.models.runtime import load_predictor
from seatrial.prepare.score_table import ScoredTable, ScoringRelease, score_table
from seatrial.prepare.tables import write_table
from seatrial.stores.catalog import open_catalog
from seatrial.stores.settings import CatalogSettings, StoreSettings
from tests.real.served.conftest import package, rows

from .lake import PYSPARK_LEAKS, Lake, need_java

SCORING = Path(__file__).with_name("scoring.py")
FINISH_S = 400
PARTS, FILE_ROWS = 6, 500

pytestmark = [pytest.mark.timeout(1200), pytest.mark.filterwarnings(PYSPARK_LEAKS)]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return package()


def written(catalog: Catalog, identifier: str, tables: list[pa.Table]) -> None:
    """A table of so many files."""
    catalog.create_namespace_if_not_exists(identifier.split(".", maxsplit=1)[0])
    table = catalog.create_table(identifier, schema=tables[0].schema)
    for part in tables:
        table.append(part)


def assert_scored(scored: pa.Table, source: pa.Table, files: dict[str, bytes]) -> None:
    """The same rows, each with the answer that the predictor gives it, to the last bit; in any order."""
    scored, source = scored.sort_by("row"), source.sort_by("row")
    assert scored.select(source.column_names).equals(source.cast(scored.select(source.column_names).schema))
    expected = load_predictor(files).predict(source)
    assert scored["predicted"].to_pylist() == list(expected.labels)
    assert expected.probabilities is not None
    for place, name in enumerate(("<=50K", ">50K")):
        found = scored[f"probability={name}"].to_numpy()
        assert found.tobytes() == np.ascontiguousarray(expected.probabilities[:, place], np.float64).tobytes()


def numbered(count: int, seed: int) -> pa.Table:
    return rows(count, seed).append_column("row", pa.array(range(seed * 10**6, seed * 10**6 + count)))


def score(lake: Lake, source: str, target: str, files: dict[str, bytes], **options: Any) -> ScoredTable:
    return score_table(lake.spark, source, target, ScoringRelease("census@1", "d" * 64, files), **options)


def test_each_row_has_the_predictors_answer_and_the_table_says_whose(lake: Lake, files: dict[str, bytes]) -> None:
    parts: list[tuple[int, int]] = []
    tables = [numbered(300, seed) for seed in range(5)]
    with open_catalog(lake.catalog) as catalog:
        written(catalog, "answers.people", tables)
        done = score(
            lake, "answers.people", "answers.scored", files, part_rows=600, on_part=lambda *at: parts.append(at)
        )
        assert (done.rows, done.unanswered, done.parts, done.parts_before) == (1500, 0, 3, 0)
        assert parts == [(1, 3), (2, 3), (3, 3)]
        table = catalog.load_table("answers.scored")
        assert_scored(table.scan().to_arrow(), pa.concat_tables(tables), files)
        stated = {name: value for name, value in table.properties.items() if name.startswith("seatrial.")}
        assert stated == {
            "seatrial.release": "census@1",
            "seatrial.release-digest": f"sha256:{'d' * 64}",
            "seatrial.source": "answers.people",
            "seatrial.source-snapshot": str(done.source_snapshot),
        }
        assert list(table.refs()) == ["main"]

        again = score(lake, "answers.people", "answers.scored", files, part_rows=600)
        assert (again.snapshot, again.parts_before) == (done.snapshot, 3)

        catalog.load_table("answers.people").append(numbered(10, 9))
        more = score(
            lake, "answers.people", "answers.scored", files, part_rows=600
        )  # takes the place of what was there
        assert (more.rows, more.parts_before) == (1510, 0)
        assert len(catalog.load_table("answers.scored").scan().to_arrow()) == 1510


def test_rows_that_were_deleted_are_not_scored(lake: Lake, files: dict[str, bytes]) -> None:
    with open_catalog(lake.catalog) as catalog:
        written(catalog, "deleted.people", [numbered(100, 1), numbered(100, 2)])
    name = "deleted.people"
    lake.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ('format-version'='2', 'write.delete.mode'='merge-on-read')")
    lake.spark.sql(f"DELETE FROM {name} WHERE row % 2 = 0")
    assert score(lake, name, "deleted.scored", files).rows == 100


def test_what_cannot_be_scored_is_told_before_anything_is_made(lake: Lake, files: dict[str, bytes]) -> None:
    with open_catalog(lake.catalog) as catalog:
        written(catalog, "refused.people", [numbered(10, 1)])
        written(catalog, "refused.other", [rows(10, 1).drop_columns(["sex"])])
        written(catalog, "refused.scored_before", [rows(10, 1)])
        for source, target, problem in [
            ("refused.nobody", "refused.scored", "the catalog does not have this table"),
            ("refused.other", "refused.scored", "sex: the rows do not have this column"),
            ("refused.people", "refused.people", "a table cannot be filled from itself"),
            ("refused.people", "refused.scored_before", "the table has the columns"),
        ]:
            with pytest.raises(InputError, match=problem):
                score(lake, source, target, files)
        assert not catalog.table_exists("refused.scored")


def test_a_table_that_somebody_wrote_to_meanwhile_is_left_as_they_wrote_it(lake: Lake, files: dict[str, bytes]) -> None:
    with open_catalog(lake.catalog) as catalog:
        written(catalog, "meanwhile.people", [numbered(10, 1), numbered(10, 2)])
        score(lake, "meanwhile.people", "meanwhile.scored", files)
        catalog.load_table("meanwhile.people").append(numbered(10, 3))

        def write(done: int, parts: int) -> None:
            if done == 1:
                write_table(lake.spark, lake.spark.table("meanwhile.scored").limit(1), "meanwhile.scored", tag="other")

        with pytest.raises(StepFailed, match="somebody else wrote to the table"):
            score(lake, "meanwhile.people", "meanwhile.scored", files, part_rows=10, on_part=write)
        assert len(catalog.load_table("meanwhile.scored").scan().to_arrow()) == 1
        assert score(lake, "meanwhile.people", "meanwhile.scored", files, part_rows=10).rows == 30


@contextmanager
def scoring(catalog: CatalogSettings, folder: Path) -> Iterator[subprocess.Popen[str]]:
    store = catalog.store
    assert store.credentials is not None
    keys = [store.credentials.access_key, store.credentials.secret_key]
    place = [str(store.endpoint), *keys, store.url, catalog.uri, str(folder / "spark.log")]
    process = subprocess.Popen(
        [sys.executable, str(SCORING), *place, str(folder / "package"), str(FILE_ROWS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=FINISH_S)


def test_a_job_that_was_killed_goes_on_and_nothing_was_half_visible(
    seaweed_store: StoreSettings, sqlite_catalog: CatalogSettings, tmp_path: Path, files: dict[str, bytes]
) -> None:
    need_java()
    (tmp_path / "package").mkdir()
    for name, data in files.items():
        (tmp_path / "package" / name).write_bytes(data)
    tables = [numbered(FILE_ROWS, seed) for seed in range(PARTS)]
    with open_catalog(sqlite_catalog) as catalog:
        written(catalog, "lake.people", tables)
        with scoring(sqlite_catalog, tmp_path) as killed:
            assert killed.stdout is not None
            lines = [killed.stdout.readline() for _ in range(2)]
            os.killpg(killed.pid, signal.SIGKILL)
        assert lines[1] == f"part 2 of {PARTS}\n"
        assert len(catalog.load_table("lake.scored").scan().to_arrow()) == 0
        with scoring(sqlite_catalog, tmp_path) as again:
            output, errors = again.communicate(timeout=FINISH_S)
        assert again.returncode == 0, errors
        *_, last = output.splitlines()
        done = json.loads(last)
        assert 2 <= done["parts_before"] < PARTS
        assert output.count("part ") == PARTS - done["parts_before"]
        assert done["rows"] == PARTS * FILE_ROWS
        assert_scored(catalog.load_table("lake.scored").scan().to_arrow(), pa.concat_tables(tables), files)
