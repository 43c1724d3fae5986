"""Spark sessions for the tests of `prepare`: one at a time, each over one store and one catalog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .lake import Lake, fresh, need_java, new_database, open_lake


@pytest.fixture(scope="package", params=["seaweed-sqlite", "minio-postgres"])
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Two pairs cover both stores and both catalogs; all tests here share the session of each."""
    need_java()
    kind, _, catalog = request.param.partition("-")
    store = fresh(request.getfixturevalue(kind))
    folder = tmp_path_factory.mktemp("lake")
    uri = (
        f"sqlite:///{folder / 'catalog.db'}"
        if catalog == "sqlite"
        else new_database(request.getfixturevalue("postgres"))
    )
    with open_lake(store, uri, folder / "spark.log") as opened:
        yield opened
