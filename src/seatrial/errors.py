"""Every error that Seatrial raises on purpose: what was wrong, where, and the way out.

One tree. Whoever catches `SeatrialError` catches all of it; the command line turns each into a few lines of text or,
under `--json`, into `{"errors": [{"code", "path", "line", "problem", "hint"}]}`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar


class SeatrialError(Exception):
    """What was wrong (`problem`), where (`path`, `line`), and what to do next (`hint`).

    `path` is a file, a key of the store or a dotted name: whatever the reader should open first.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(
        self, problem: str, *, path: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        place = "" if self.path is None else f"{self.path}: " if self.line is None else f"{self.path}:{self.line}: "
        if self.hint is None:
            return f"{place}{self.problem}"
        stop = "" if self.problem.endswith((".", "!", "?", "…")) else "."  # what others raised often ends without one
        return f"{place}{self.problem}{stop} {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), dict(self.__dict__))

    @property
    def each(self) -> tuple[SeatrialError, ...]:
        """The error itself; where it stands for several, each of them."""
        return (self,)

    def as_document(self) -> dict[str, str | int | None]:
        """The error as one entry of the `errors` document."""
        return {"code": self.code, "path": self.path, "line": self.line, "problem": self.problem, "hint": self.hint}


def _rebuild(kind: type[SeatrialError], state: Mapping[str, object]) -> SeatrialError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (error.problem,)
    return error


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint when `name` is close to one of the known names; None when it is close to none."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f'Did you mean "{close[0]}"?' if close else None


class InputError(SeatrialError):
    """The command or a file is wrong; nothing was done."""

    code = "input"
    exit_status = 2


class Problems(InputError):
    """Several mistakes at once, each an error of its own."""

    code = "problems"

    def __init__(self, errors: Sequence[SeatrialError]) -> None:
        count = len(errors)
        super().__init__(f"{count} problem{'' if count == 1 else 's'}; nothing was run.")
        self.errors = tuple(errors)

    @property
    def each(self) -> tuple[SeatrialError, ...]:
        """The mistakes."""
        return self.errors

    def __str__(self) -> str:
        return "\n".join([*(str(error) for error in self.errors), self.problem])


class StoreError(SeatrialError):
    """The object store or the catalog refused, is down, or is not what its settings say."""

    code = "store"


class ObjectMissing(StoreError):
    """There is no object under that key."""

    code = "object-missing"


class ObjectExists(StoreError):
    """A put that had to be the first one found an object in its place."""

    code = "object-exists"


class ObjectChanged(StoreError):
    """The object is no longer the one whose ETag was pinned."""

    code = "object-changed"


class TableGone(StoreError):
    """The table, its snapshot or its data files are not there any more."""

    code = "table-gone"


class Corrupt(SeatrialError):
    """Content does not have the digest, size or form that was promised for it."""

    code = "corrupt"


class StepFailed(SeatrialError):
    """A step raised, ended early, or returned something else than it declared."""

    code = "step"


class Refused(SeatrialError):
    """Something does not verify, or is not trusted, and is therefore not used."""

    code = "refused"


class TargetError(SeatrialError):
    """The place a release is sent to, or an endpoint that is measured, is down or does not answer as it should."""

    code = "target"
