"""Every error that Seatrial raises on purpose: what was wrong, where, and the way out.

An error may name a field of what was asked (`classes`), by `field`. Code that serves several surfaces knows no option
and no key: the command line, Python and seatrial.toml each spell the field when the error passes them (`spelled`).

One tree. Whoever catches `SeatrialError` catches all of it; the command line turns each into a few lines of text or,
under `--json`, into `{"errors": [{"code", "path", "line", "problem", "hint"}]}`.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

Surface = Callable[[str, str | None], str]  # a field and an example of its value, None without one → how it is written

_START, _EXAMPLE, _END = "\x02", "\x1f", "\x03"  # control characters that no message has; none of them gets out
_FIELD = re.compile(f"{_START}([a-z_]+)(?:{_EXAMPLE}([^{_END}]*))?{_END}")


def field(name: str, example: str | None = None) -> str:
    """A field of what was asked, for a message: spelled by the surface that the message passes, else as `name`."""
    return f"{_START}{name}{_END}" if example is None else f"{_START}{name}{_EXAMPLE}{example}{_END}"


def spell(text: str, surface: Surface) -> str:
    """The text with its fields as the surface writes them.

    >>> spell(f"Leave {field('threshold')} out.", lambda name, _example: f"--{name}")
    'Leave --threshold out.'
    """
    return _FIELD.sub(lambda match: surface(match[1], match[2]), text)


def _unspelled(name: str, example: str | None) -> str:
    return name if example is None else f"{name} {example}"


class SeatrialError(Exception):
    """What was wrong (`problem`), where (`path`, `line`), and what to do next (`hint`).

    `path` is a file, a key of the store or a dotted name: whatever the reader should open first.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(
        self, problem: str, *, path: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(spell(problem, _unspelled))
        self._problem, self._path, self._hint = problem, path, hint
        self.line = line

    @property
    def problem(self) -> str:
        """What was wrong."""
        return spell(self._problem, _unspelled)

    @property
    def path(self) -> str | None:
        """Where."""
        return None if self._path is None else spell(self._path, _unspelled)

    @property
    def hint(self) -> str | None:
        """The way out."""
        return None if self._hint is None else spell(self._hint, _unspelled)

    @hint.setter
    def hint(self, hint: str | None) -> None:
        self._hint = hint

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of what was asked that it names, until a surface spells them."""
        return tuple(dict.fromkeys(name for name, _ in _FIELD.findall(f"{self._problem}{self._path}{self._hint}")))

    def spell(self, surface: Surface) -> None:
        """Writes the fields that it names as the surface does; those that are spelled already stay."""
        self._problem = spell(self._problem, surface)
        self._path = None if self._path is None else spell(self._path, surface)
        self._hint = None if self._hint is None else spell(self._hint, surface)
        self.args = (self.problem,)

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
    import difflib  # most commands end without an error

    close = difflib.get_close_matches(name, list(known), n=1)
    return f'Did you mean "{close[0]}"?' if close else None


@contextmanager
def spelled(surface: Surface) -> Iterator[None]:
    """Spells the errors that pass."""
    try:
        yield
    except SeatrialError as error:
        for failure in error.each:
            failure.spell(surface)
        raise


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


class SourceError(SeatrialError):
    """Where data arrives from (Kafka) is down, refused, or is not what its settings say."""

    code = "source"


def is_disk_full(error: OSError) -> bool:
    """Whether the file system, or this user's quota on it, has no space left."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def from_os_error(error: OSError, *, path: str | None = None) -> SeatrialError:
    """What the operating system refused, told as ours; `path` is where, unless the error says so itself."""
    where = path if error.filename is None else str(error.filename)
    if is_disk_full(error):
        return SeatrialError("the disk is full.", path=where, hint="Free space there, then run again.")
    return SeatrialError(f"{error.strerror or error}.", path=where, hint="Correct that, and run again.")
