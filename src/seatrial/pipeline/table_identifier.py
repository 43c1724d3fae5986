"""A table of the catalog, as commands name it."""

from __future__ import annotations

import string

from seatrial.errors import InputError

_CHARACTERS = frozenset(f"{string.ascii_letters}{string.digits}_-.")


def table_identifier(name: str, project: str, *, path: str, hint: str) -> str:
    """The table's full name; a name without a namespace is one of the project's own.

    >>> table_identifier("people", "my-census", path="predict", hint="")
    'my_census.people'
    """
    parts = name.split(".")
    if not all(parts) or len(parts) > 2 or not _CHARACTERS.issuperset(name):
        raise InputError(
            f"{name!r} must be NAMESPACE.TABLE, or the name of a table of the project.", path=path, hint=hint
        )
    return name if len(parts) > 1 else f"{project.replace('-', '_')}.{name}"
