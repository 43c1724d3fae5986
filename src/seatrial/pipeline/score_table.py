"""Scores a table of a project's catalog into another one, in a Spark session of its own."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.errors import InputError
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.step_command import SPARK_LOG
from seatrial.pipeline.workspace import open_project

if TYPE_CHECKING:
    from seatrial.prepare.score_table import ScoredTable, ScoringRelease

_OF_A_TABLE = frozenset(f"{string.ascii_letters}{string.digits}_-.")


def score_table_of_project(
    release: ScoringRelease,
    source: str,
    target: str,
    *,
    directory: Path,
    profile: str,
    on_part: Callable[[int, int], None],
) -> ScoredTable:
    """Fills the table `target` with the rows of `source` and their answers.

    A name without a namespace is one of the project's own.
    """
    from seatrial.prepare.failure import spark_cause
    from seatrial.prepare.score_table import score_table

    project = load_project(directory)
    source, target = _identifier(source, project.name), _identifier(target, project.name)
    with open_project(project, profile) as workspace:
        log = workspace.state / SPARK_LOG
        session = SharedSession(workspace, log)
        try:
            return score_table(session.get(), source, target, release, on_part=on_part)
        except Exception as error:  # noqa: BLE001 py4j's and pyspark's exceptions have no common class
            raise spark_cause(error, log=log) from None
        finally:
            session.end()


def _identifier(name: str, project: str) -> str:
    parts = name.split(".")
    if not all(parts) or len(parts) > 2 or not _OF_A_TABLE.issuperset(name):
        raise InputError(
            f"{name!r} must be NAMESPACE.TABLE, or the name of a table of the project.",
            path="predict",
            hint="With --into both are tables of the catalog; without it the rows are a file.",
        )
    return name if len(parts) > 1 else f"{project.replace('-', '_')}.{name}"
