"""What goes into a project's image: extras only as its steps, imports and catalogs need them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from seatrial.deploy.images.project_needs import project_needs
from seatrial.pipeline.project.settings import ProfileSettings
from seatrial.pipeline.steps.declaration import Step


def step(kind: str = "python", libraries: tuple[str, ...] = ()) -> Step:
    return Step("one", kind, lambda: None, {}, (), libraries, {})  # type: ignore[arg-type]  # a kind is a text


def needs(tmp_path: Path, source: str = "", *, kind: str = "python", libraries: tuple[str, ...] = (), **more: str):  # type: ignore[no-untyped-def]
    (tmp_path / "pipeline.py").write_text(source)
    profiles: Mapping[str, ProfileSettings] = {"prod": ProfileSettings(catalog=more.get("catalog"))}
    return project_needs([step(kind, libraries)], profiles, tmp_path / "pipeline.py", tmp_path)


def test_a_project_of_plain_python_needs_the_core_alone(tmp_path: Path) -> None:
    found = needs(tmp_path, "import json\nimport numpy\nfrom seatrial import step\n")
    assert found.roots == ("seatrial",)
    assert not found.java


def test_a_spark_step_brings_java_and_the_extra(tmp_path: Path) -> None:
    found = needs(tmp_path, kind="spark")
    assert found.roots == ("seatrial[spark]",)
    assert found.java


def test_an_import_anywhere_in_the_projects_files_brings_the_extra(tmp_path: Path) -> None:
    (tmp_path / "training.py").write_text("def train():\n    import torch.nn\n    from sklearn import svm\n")
    assert needs(tmp_path, "import training\n").roots == ("seatrial[sklearn,torch]",)


def test_other_imports_and_declared_libraries_come_by_their_distributions(tmp_path: Path) -> None:
    found = needs(tmp_path, "import yaml\n", libraries=("scipy", "xgboost-cpu"))
    assert found.roots == ("seatrial[xgboost]", "pyyaml", "scipy")


def test_pandas_alone_is_no_spark(tmp_path: Path) -> None:
    assert needs(tmp_path, "import pandas\n").roots == ("seatrial", "pandas")


@pytest.mark.parametrize("catalog", ["postgresql://db/lake", "env:CATALOG"])
def test_a_catalog_on_postgresql_brings_its_driver_and_a_client_of_tables(tmp_path: Path, catalog: str) -> None:
    assert needs(tmp_path, catalog=catalog).roots == ("seatrial[postgres]", "pyiceberg[sql-sqlite,pyarrow]")
    assert needs(tmp_path, kind="spark", catalog=catalog).roots == ("seatrial[postgres,spark]",)


def test_files_of_the_project_are_not_taken_for_distributions(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("")
    assert needs(tmp_path, "import yaml\n").roots == ("seatrial",)
