"""What whoever drives a run may do in its namespace: one table, for the Role that grants it and for the check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.cluster.client import Namespace
from seatrial.errors import Problems, Refused, SeatrialError


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one resource of an API group, and what for."""

    group: str
    resource: str
    verbs: tuple[str, ...]


DRIVER_RIGHTS = (
    Right("batch", "jobs", ("create", "delete", "list", "watch")),  # steps are made, ended, looked for and waited for
    Right("", "pods", ("watch",)),  # why a step has not begun, or how it ended
    Right("", "pods/log", ("get",)),  # what it prints
    Right("", "events", ("list",)),  # why it has no pod
)
WORKER_RIGHTS = (Right("", "services", ("create",)),)  # of whoever drives a step with workers: they meet by its names
SPARK_RIGHTS = (  # of the pod of a Spark step that makes its executors itself
    Right("", "pods", ("get", "list", "watch", "create", "patch", "delete")),
    Right("", "pods/log", ("get",)),
)


def driver_rights(*, workers: bool) -> tuple[Right, ...]:
    """What driving a run takes; `workers` is whether a step of it has several."""
    return (*DRIVER_RIGHTS, *WORKER_RIGHTS) if workers else DRIVER_RIGHTS


def missing_rights(namespace: Namespace, rights: Sequence[Right]) -> tuple[tuple[str, str], ...]:
    """Each verb and resource of these that this account lacks in the namespace."""
    return tuple(
        (verb, right.resource)
        for right in rights
        for verb in right.verbs
        if not namespace.may(verb, right.group, right.resource)
    )


def require_rights(namespace: Namespace, rights: Sequence[Right]) -> None:
    """Raises for each of these rights that is missing, before anything is made."""
    problems: list[SeatrialError] = [
        Refused(
            f"the account that drives the run may not {verb} {resource} in the namespace {namespace.name!r}.",
            path=namespace.name,
            hint="`seatrial doctor --write DIR` renders a Role that grants it.",
        )
        for verb, resource in missing_rights(namespace, rights)
    ]
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(problems)
