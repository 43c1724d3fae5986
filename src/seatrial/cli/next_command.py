"""The command that comes next, with the options of this call that it needs to mean the same project."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.pipeline.project.settings import Project

TAKES_PARAMETERS = ("plan", "run")
TAKES_TRUST = (
    "assess",
    "deploy",
    "deployments",
    "diff",
    "export",
    "predict",
    "publish",
    "report",
    "serve",
    "verify",
    "waive",
)


@dataclass(frozen=True, slots=True)
class Call:
    """What a command was called with, as far as the next one has to be called with it too."""

    profile: str = "local"
    directory: Path = Path()
    sets: tuple[str, ...] = ()
    budget: float | None = None
    no_cache: bool = False
    trust: Path | None = None
    on: str | None = None

    def then(self, verb: str, *arguments: str) -> str:
        """`seatrial VERB …`, to be pasted into a shell.

        >>> Call(profile="prod", sets=("model.epochs=3",)).then("run", "--rehearse")
        'seatrial run --rehearse --set model.epochs=3 --profile prod'
        """
        words = ["seatrial", verb, *arguments]
        if verb in TAKES_PARAMETERS:
            words += [word for text in self.sets for word in ("--set", text)]
            words += ["--no-cache"] if self.no_cache else []
        if verb == "run" and self.budget is not None:
            words += ["--budget", f"{self.budget:g}"]
        if verb == "run" and self.on is not None:
            words += ["--on", self.on]
        if verb in TAKES_TRUST and self.trust is not None:
            words += ["--trust", str(self.trust)]
        if self.profile != "local":
            words += ["--profile", self.profile]
        if self.directory != Path():
            words += ["--directory", str(self.directory)]
        return shlex.join(words)


def what_is_missing(project: Project) -> str:
    """What a project has to say before a run of it ends with a release."""
    if project.model is None:
        return f"name the model and its test data in {project.path} ([model] from, [data] test)"
    return f"say in {project.path} what must hold ([[policy.require]])"
