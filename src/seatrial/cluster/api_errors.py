"""What the API server refuses, or does not answer, in words."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from seatrial.errors import Refused, SeatrialError, TargetError

_BUSY = (HTTPStatus.GONE, HTTPStatus.TOO_MANY_REQUESTS)  # a watch that is too old, and a server that has much to do


class Missing(Refused):
    """The object does not exist."""


class Exists(Refused):
    """There is an object of that name."""


class Forbidden(Refused):
    """The account may not do that."""


def checked_answer(answer: Any) -> Any:
    """The answer, unless it is an error: those of calls without `_preload_content` are not raised by every version."""
    from kubernetes.client import ApiException

    if answer.status >= HTTPStatus.BAD_REQUEST:
        error = ApiException(status=answer.status, reason=answer.reason)
        error.body = answer.data or answer.read()
        raise error
    return answer


def explained(error: Any, namespace: str) -> SeatrialError:  # an ApiException, or what the connection raised
    """The error in the words of the server: `TargetError` for what may go well the next time, else `Refused`."""
    status = getattr(error, "status", None)
    if not status:
        return TargetError(
            f"the cluster does not answer: {str(error).splitlines()[0]}", hint="See `kubectl cluster-info`."
        )
    try:
        words = json.loads(error.body)["message"]
    except (ValueError, TypeError, LookupError):
        words = error.reason
    if status == HTTPStatus.NOT_FOUND:
        if "namespaces" in words:
            return Refused(f"the cluster says: {words}.", hint=f"Make it: kubectl create namespace {namespace}")
        return Missing(f"the cluster says: {words}.")
    if status == HTTPStatus.CONFLICT and "already exists" in words:
        return Exists(f"the cluster says: {words}.")
    if status == HTTPStatus.CONFLICT:  # somebody else changed a quota, say, at the same moment
        return TargetError(f"the cluster says: {words}.", hint="Try again.")
    if status == HTTPStatus.FORBIDDEN and "quota" in words:
        return Refused(f"the cluster says: {words}.", hint="Ask for less in [profile.X.steps], or for a larger quota.")
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED):
        return Forbidden(
            f"the cluster says: {words}.", hint=f"Ask whoever runs it for this right in the namespace {namespace!r}."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY:
        return TargetError(f"the cluster says: {words}.", hint="Try again; see `kubectl cluster-info`.")
    return Refused(f"the cluster says: {words}.")
