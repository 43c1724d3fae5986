"""Which store a project has on this machine when its profile names none: a plain folder, or the embedded server.

Spark and the tables that steps share need a server that speaks S3; a project without Spark steps does not, and the
core install has none. Once there is one of the two it stays: releases and uses of test data are in it.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Literal

from seatrial.pipeline.engines import ENGINES
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.project.settings import FILE_NAME, Project
from seatrial.pipeline.steps.graph import module_file
from seatrial.pipeline.steps.source_digest import imported_files

FOLDER = "local"  # beside `store`, the embedded server's own folder: neither ever sees the other's files
EMBEDDED = "store"

LocalStore = Literal["folder", "embedded"]


def local_store(project: Project, state: Path) -> LocalStore:
    """The one that is there, else what the project's steps and topics need; nothing of the project is imported."""
    if (state / FOLDER).is_dir():
        return "folder"
    if (state / EMBEDDED).is_dir():
        return "embedded"
    return "embedded" if project.ingest or has_spark_steps(project) else "folder"


def plain_folder(directory: Path, state: Path) -> Path | None:
    """The plain folder that is the store of the project in `directory`; None where it has the embedded one, or none."""
    if not (directory / FILE_NAME).is_file():
        return None
    project = load_project(directory)
    return state / FOLDER if local_store(project, state) == "folder" else None


def has_steps(project: Project) -> bool:
    """Whether the project has a module of steps."""
    return module_file(project.directory, project.pipeline).is_file()


def has_spark_steps(project: Project) -> bool:
    """Whether a module of the project declares, or may declare, a step of the kind "spark"."""
    return any(_may_declare_spark(path) for path in _modules(project))


def _modules(project: Project) -> list[Path]:
    """The project's module and what of the project it imports; files that do not parse are told when they are run."""
    paths = [module_file(project.directory, project.pipeline)]
    if not paths[0].is_file():
        return []
    for path in paths:
        paths += [imported for imported in imported_files(path, project.directory) if imported not in paths]
    return paths


def _may_declare_spark(path: Path) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return True
    kinds = [
        keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "kind"
    ]
    kinds_on_s3 = {name for name, engine in ENGINES.items() if engine.store == "s3"}
    # A kind that is computed may be this one: then the store that serves both.
    return any(not isinstance(kind, ast.Constant) or kind.value in kinds_on_s3 for kind in kinds)
