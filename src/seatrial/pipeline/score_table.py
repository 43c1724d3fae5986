"""Scores a table of a project's catalog into another one, in a Spark session of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.running.step_command import SPARK_LOG
from seatrial.pipeline.table_identifier import table_identifier
from seatrial.pipeline.workspace import open_project

if TYPE_CHECKING:
    from seatrial.prepare.score_table import ScoredTable, ScoringRelease

_BOTH_ARE_TABLES = "With --into both are tables of the catalog; without it the rows are a file."


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
    source, target = (
        table_identifier(name, project.name, path="predict", hint=_BOTH_ARE_TABLES) for name in (source, target)
    )
    with open_project(project, profile) as workspace:
        log = workspace.state / SPARK_LOG
        session = SharedSession(workspace, log)
        try:
            return score_table(session.get(), source, target, release, on_part=on_part)
        except Exception as error:  # noqa: BLE001 py4j's and pyspark's exceptions have no common class
            raise spark_cause(error, log=log) from None
        finally:
            session.end()
