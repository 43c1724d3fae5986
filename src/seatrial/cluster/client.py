"""One namespace of a cluster: makes and removes Jobs, watches them and their pods, and reads what pods print."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from seatrial.cluster.yaml_text import Manifest
from seatrial.errors import InputError, Refused, SeatrialError, TargetError, did_you_mean

FIELD_MANAGER = "seatrial"
REQUEST_S = 30
WATCH_S = 240  # a watch is opened anew after so long: proxies cut what is silent for longer
SILENT_S = 300  # of errors in a row, after which the cluster counts as gone
RETRY_S = 1.0
BEARABLE = (HTTPStatus.GONE, HTTPStatus.TOO_MANY_REQUESTS)  # a watch that is too old, and a server that is busy

Document = Mapping[str, Any]  # an object as the API server tells it


class Namespace:
    """One namespace, as the kubeconfig's `context` reaches it; without a context, the cluster this process is in.

    Raises `InputError` for a context that is not there, `TargetError` when the cluster does not answer, and `Refused`
    for what it does not allow.
    """

    def __init__(self, name: str, context: str | None) -> None:
        self.name = name
        client = _client(context)
        from kubernetes.client import BatchV1Api, CoreV1Api

        self._batch, self._core = BatchV1Api(client), CoreV1Api(client)

    def check(self) -> None:
        """Raises unless the namespace is there and Jobs may be listed in it."""
        self._ask(lambda: self._batch.list_namespaced_job(self.name, limit=1, _request_timeout=REQUEST_S))
        with suppress(_Forbidden):  # who may not read namespaces finds out with the first Job
            self._ask(lambda: self._core.read_namespace(self.name, _request_timeout=REQUEST_S))

    def create_job(self, manifest: Manifest) -> None:
        """Makes the Job. An unknown field is an error, and one that is there already is left as it is."""
        self._ask(
            lambda: self._batch.create_namespaced_job(
                self.name,
                manifest,
                field_manager=FIELD_MANAGER,
                field_validation="Strict",
                _request_timeout=REQUEST_S,
            )
        )

    def delete_job(self, name: str) -> None:
        """Removes the Job, and its pods after it; no error when there is none."""
        with suppress(_Missing):
            self._ask(
                lambda: self._batch.delete_namespaced_job(
                    name, self.name, propagation_policy="Background", _request_timeout=REQUEST_S
                )
            )

    def events(self, name: str) -> tuple[Document, ...]:
        """What the cluster says about the object of that name, oldest first."""
        found = self._ask(
            lambda: self._core.list_namespaced_event(
                self.name, field_selector=f"involvedObject.name={name}", _request_timeout=REQUEST_S
            )
        )
        return tuple(self._core.api_client.sanitize_for_serialization(found)["items"])

    def log(self, pod: str) -> Iterator[bytes]:
        """What the pod prints, as it comes, until it ends."""
        answer = self._ask(
            lambda: self._core.read_namespaced_pod_log(pod, self.name, follow=True, _preload_content=False)
        )
        try:
            yield from answer.stream(amt=None)
        finally:
            answer.release_conn()

    def watch_jobs(self, selector: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Calls `take` with the kind of each change ("ADDED", …) and the Job, until `ended`; see `_watch`."""
        self._watch(self._batch.list_namespaced_job, selector, take, ended)

    def watch_pods(self, selector: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Like `watch_jobs`, of pods."""
        self._watch(self._core.list_namespaced_pod, selector, take, ended)

    def _watch(
        self, listing: Any, selector: str, take: Callable[[str, Document], None], ended: threading.Event
    ) -> None:
        """Watches until `ended`; lost watches begin anew, and after `SILENT_S` of errors the last one is raised."""
        from kubernetes.client import ApiException
        from kubernetes.watch import Watch
        from urllib3.exceptions import HTTPError

        silent_since: float | None = None
        while not ended.is_set():
            try:
                for change in Watch().stream(
                    listing, self.name, label_selector=selector, timeout_seconds=WATCH_S, _request_timeout=WATCH_S + 30
                ):
                    silent_since = None
                    take(change["type"], change["raw_object"])
                    if ended.is_set():
                        return
                silent_since = None  # nothing changed for so long, and nothing failed
            except (ApiException, HTTPError) as error:
                now = time.monotonic()
                silent_since = silent_since or now
                if now - silent_since > SILENT_S:
                    raise _explained(error, self.name) from None
                ended.wait(RETRY_S)

    def _ask(self, call: Callable[[], Any]) -> Any:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return call()
        except (ApiException, HTTPError) as error:
            raise _explained(error, self.name) from None


class _Missing(Refused):
    """The object does not exist."""


class _Forbidden(Refused):
    """The account may not do that."""


def _client(context: str | None) -> Any:
    try:
        from kubernetes import config
        from kubernetes.client import ApiClient, Configuration
    except ImportError:
        raise InputError(
            "running on a cluster needs the package kubernetes.", hint="pip install 'seatrial[kubernetes]'"
        ) from None
    try:
        if context is None:
            settings = Configuration()
            config.load_incluster_config(client_configuration=settings)
            return ApiClient(settings)
        return config.new_client_from_config(_kubeconfig(), context=context)
    except config.ConfigException as error:
        raise _no_context(context, str(error)) from None


def _kubeconfig() -> str | None:
    """The file or files that KUBECONFIG names now: the client knows those of the time when it was imported."""
    return os.environ.get("KUBECONFIG") or None


def _no_context(context: str | None, words: str) -> InputError:
    from kubernetes import config

    if context is None:
        return InputError(
            "the profile must name a context of the kubeconfig, since this process is in no cluster.",
            path="cluster.context",
            hint='Write cluster = { context = "…" }; `kubectl config get-contexts` lists them.',
        )
    known: list[str] = []
    with suppress(config.ConfigException):
        known = [one["name"] for one in config.list_kube_config_contexts(_kubeconfig())[0]]
    if context in known:
        return InputError(f"the context {context!r} cannot be used: {words}.", path="kubeconfig", hint="Correct it.")
    hint = did_you_mean(context, known) or f"The kubeconfig has: {', '.join(known) or 'none'}."
    return InputError(f"the context {context!r} is not in the kubeconfig.", path="cluster.context", hint=hint)


def _explained(error: Any, namespace: str) -> SeatrialError:
    import json

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
        return _Missing(f"the cluster says: {words}.")
    if status == HTTPStatus.FORBIDDEN and "quota" in words:
        return Refused(f"the cluster says: {words}.", hint="Ask for less in [profile.X.steps], or for a larger quota.")
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED):
        return _Forbidden(
            f"the cluster says: {words}.", hint=f"Ask whoever runs it for this right in the namespace {namespace!r}."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in BEARABLE:
        return TargetError(f"the cluster says: {words}.", hint="Try again; see `kubectl cluster-info`.")
    return Refused(f"the cluster says: {words}.")
