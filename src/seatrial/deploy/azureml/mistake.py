"""One mistake in a document of Azure ML."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where it is ("jobs.model.resources.instance_count"), what is wrong there, and the way out."""

    key: str
    problem: str  # goes on from the key: "must be at least 1, got 0."
    hint: str
