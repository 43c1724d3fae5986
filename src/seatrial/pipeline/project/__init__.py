"""`seatrial.toml`: read, checked, and as values."""

from __future__ import annotations

from seatrial.pipeline.project.project_file import load_project, parse_project
from seatrial.pipeline.project.settings import FILE_NAME, Project

__all__ = ["FILE_NAME", "Project", "load_project", "parse_project"]
