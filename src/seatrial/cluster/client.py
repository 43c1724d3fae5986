"""One namespace of a cluster: makes and removes Jobs, watches them and their pods, and reads what pods print."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

from seatrial.errors import InputError, Refused, SeatrialError, TargetError, did_you_mean

FIELD_MANAGER = "seatrial"
REQUEST_S = 30
WATCH_S = 240  # a watch is opened anew after so long: proxies cut what is silent for longer
SILENT_S = 300  # of errors in a row, after which the cluster counts as gone
RETRY_S = 1.0
BEARABLE = (HTTPStatus.GONE, HTTPStatus.TOO_MANY_REQUESTS)  # a watch that is too old, and a server that is busy

Document = Mapping[str, Any]  # an object as the API server tells it


@dataclass(frozen=True, slots=True)
class Quota:
    """A ResourceQuota: amounts as Kubernetes writes them, by resource ("pods", "requests.cpu")."""

    name: str
    hard: Mapping[str, str]
    used: Mapping[str, str]


class Namespace:
    """One namespace, as the kubeconfig's `context` reaches it; without a context, the cluster this process is in.

    Raises `InputError` for a context that is not there, `TargetError` when the cluster does not answer, and `Refused`
    for what it does not allow.
    """

    def __init__(self, name: str, context: str | None) -> None:
        self.name = name
        client = _client(context)
        from kubernetes.client import AuthorizationV1Api, BatchV1Api, CoreV1Api

        self._client = client
        self._batch, self._core, self._authorization = BatchV1Api(client), CoreV1Api(client), AuthorizationV1Api(client)

    def check(self) -> None:
        """Raises unless the namespace is there and Jobs may be listed in it."""
        self._ask(lambda: self._batch.list_namespaced_job(self.name, limit=1, _request_timeout=REQUEST_S))
        with suppress(Forbidden):  # who may not read namespaces finds out with the first Job
            self._ask(lambda: self._core.read_namespace(self.name, _request_timeout=REQUEST_S))

    def create_job(self, text: str, *, dry_run: bool = False) -> str | None:
        """Makes the Job of this YAML text, to the byte, and returns its uid; None where one of its name is there.

        An unknown field is an error.
        """
        try:
            return str(self._send("POST", "jobs", text, "application/yaml", dry_run=dry_run)["metadata"]["uid"])
        except _Exists:
            return None

    def apply_cron_job(self, name: str, text: str, *, dry_run: bool = False) -> None:
        """Makes the CronJob of this YAML text, to the byte, or makes the one of that name like it."""
        self._send("PATCH", f"cronjobs/{name}", text, "application/apply-patch+yaml", dry_run=dry_run)

    def delete_job(self, name: str, *, pods_first: bool = False) -> None:
        """Removes the Job and its pods, which go after it or first; no error when there is none."""
        with suppress(_Missing):
            self._ask(
                lambda: self._batch.delete_namespaced_job(
                    name,
                    self.name,
                    propagation_policy="Foreground" if pods_first else "Background",
                    _request_timeout=REQUEST_S,
                )
            )

    def job_names(self, selector: str) -> tuple[str, ...]:
        """The names of the Jobs with these labels."""
        return self._names(self._batch.list_namespaced_job, selector)

    def pod_names(self, selector: str) -> tuple[str, ...]:
        """The names of the pods with these labels."""
        return self._names(self._core.list_namespaced_pod, selector)

    def may(self, verb: str, group: str, resource: str) -> bool:
        """Whether this account may do that in the namespace; `resource` is "pods" or "pods/log"."""
        kind, _, part = resource.partition("/")
        attributes = {"namespace": self.name, "verb": verb, "group": group, "resource": kind, "subresource": part}
        review = {"spec": {"resourceAttributes": attributes}}
        answer = self._ask(
            lambda: self._authorization.create_self_subject_access_review(review, _request_timeout=REQUEST_S)
        )
        return bool(answer.status.allowed)

    def account_may(self, account: str, verb: str, group: str, resource: str) -> bool:
        """Like `may`, of a ServiceAccount of the namespace; `Refused` where this account may not ask that."""
        kind, _, part = resource.partition("/")
        attributes = {"namespace": self.name, "verb": verb, "group": group, "resource": kind, "subresource": part}
        user = f"system:serviceaccount:{self.name}:{account}"
        review = {"spec": {"resourceAttributes": attributes, "user": user}, "metadata": {"namespace": self.name}}
        answer = self._ask(
            lambda: self._authorization.create_namespaced_local_subject_access_review(
                self.name, review, _request_timeout=REQUEST_S
            )
        )
        return bool(answer.status.allowed)

    def labels(self) -> Mapping[str, str]:
        """The labels of the namespace."""
        read = self._ask(lambda: self._core.read_namespace(self.name, _request_timeout=REQUEST_S))
        return dict(read.metadata.labels or {})

    def secret_keys(self, name: str) -> frozenset[str] | None:
        """The keys of a Secret; None where it does not exist."""
        with suppress(_Missing):
            read = self._ask(lambda: self._core.read_namespaced_secret(name, self.name, _request_timeout=REQUEST_S))
            return frozenset(read.data or ())
        return None

    def has_account(self, name: str) -> bool:
        """Whether there is a ServiceAccount of that name."""
        with suppress(_Missing):
            self._ask(lambda: self._core.read_namespaced_service_account(name, self.name, _request_timeout=REQUEST_S))
            return True
        return False

    def quotas(self) -> tuple[Quota, ...]:
        """What each ResourceQuota of the namespace leaves."""
        listed = self._ask(lambda: self._core.list_namespaced_resource_quota(self.name, _request_timeout=REQUEST_S))
        return tuple(
            Quota(quota.metadata.name, dict(quota.status.hard or {}), dict(quota.status.used or {}))
            for quota in listed.items
        )

    def node_images(self) -> frozenset[str]:
        """The names of the images that nodes have, each by tag and by digest; a node tells of its largest alone."""
        listed = self._ask(lambda: self._core.list_node(_request_timeout=REQUEST_S))
        return frozenset(name for node in listed.items for image in node.status.images or () for name in image.names)

    def events(self, name: str) -> tuple[Document, ...]:
        """What the cluster says about the object of that name, oldest first."""
        event_list = self._ask(
            lambda: self._core.list_namespaced_event(
                self.name, field_selector=f"involvedObject.name={name}", _request_timeout=REQUEST_S
            )
        )
        return tuple(self._core.api_client.sanitize_for_serialization(event_list)["items"])

    def log(self, pod: str) -> Iterator[bytes]:
        """What the pod prints, as it comes, until it ends."""
        answer = self._ask(
            lambda: self._core.read_namespaced_pod_log(pod, self.name, follow=True, _preload_content=False)
        )
        try:
            yield from answer.stream(amt=None)
        finally:
            answer.release_conn()

    def watch_job(self, name: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Like `watch_jobs`, of the one with this name."""
        self._watch(self._batch.list_namespaced_job, {"field_selector": f"metadata.name={name}"}, take, ended)

    def watch_jobs(self, selector: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Calls `take` with the kind of each change ("ADDED", …) and the Job, until `ended`; see `_watch`."""
        self._watch(self._batch.list_namespaced_job, {"label_selector": selector}, take, ended)

    def watch_pods(self, selector: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Like `watch_jobs`, of pods."""
        self._watch(self._core.list_namespaced_pod, {"label_selector": selector}, take, ended)

    def _names(self, listing: Any, selector: str) -> tuple[str, ...]:
        listed = self._ask(lambda: listing(self.name, label_selector=selector, _request_timeout=REQUEST_S))
        return tuple(resource.metadata.name for resource in listed.items)

    def _send(self, method: str, path: str, text: str, content_type: str, *, dry_run: bool) -> Document:
        """Sends the text as it is: the client's own calls would write the document anew."""
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        query |= {"force": "true"} if method == "PATCH" else {}
        settings = self._client.configuration
        url = f"{settings.host}/apis/batch/v1/namespaces/{self.name}/{path}?{urlencode(query)}"
        headers = {"Accept": "application/json", "Content-Type": content_type}
        token = settings.auth_settings().get("BearerToken", {}).get("value")
        headers |= {"authorization": token} if token else {}
        return cast("Document", self._ask(lambda: self._answer(method, url, headers, text)))

    def _answer(self, method: str, url: str, headers: Mapping[str, str], text: str) -> object:
        from kubernetes.client import ApiException

        answer = self._client.rest_client.request(
            method, url, headers=dict(headers), body=text, _request_timeout=REQUEST_S
        )
        content = answer.data or answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            error = ApiException(status=answer.status, reason=answer.reason)
            error.body = content
            raise error
        return json.loads(content)

    def _watch(
        self, listing: Any, selector: Mapping[str, str], take: Callable[[str, Document], None], ended: threading.Event
    ) -> None:
        """Watches until `ended`; lost watches begin anew, and after `SILENT_S` of errors the last one is raised."""
        from kubernetes.client import ApiException
        from kubernetes.watch import Watch
        from urllib3.exceptions import HTTPError

        silent_since: float | None = None
        while not ended.is_set():
            try:
                for change in Watch().stream(
                    listing, self.name, **selector, timeout_seconds=WATCH_S, _request_timeout=WATCH_S + 30
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


class _Exists(Refused):
    """There is an object of that name."""


class Forbidden(Refused):
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
    contexts: list[str] = []
    with suppress(config.ConfigException):
        contexts = [entry["name"] for entry in config.list_kube_config_contexts(_kubeconfig())[0]]
    if context in contexts:
        return InputError(f"the context {context!r} cannot be used: {words}.", path="kubeconfig", hint="Correct it.")
    hint = did_you_mean(context, contexts) or f"The kubeconfig has: {', '.join(contexts) or 'none'}."
    return InputError(f"the context {context!r} is not in the kubeconfig.", path="cluster.context", hint=hint)


def _explained(error: Any, namespace: str) -> SeatrialError:
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
    if status == HTTPStatus.CONFLICT and "already exists" in words:
        return _Exists(f"the cluster says: {words}.")
    if status == HTTPStatus.FORBIDDEN and "quota" in words:
        return Refused(f"the cluster says: {words}.", hint="Ask for less in [profile.X.steps], or for a larger quota.")
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED):
        return Forbidden(
            f"the cluster says: {words}.", hint=f"Ask whoever runs it for this right in the namespace {namespace!r}."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in BEARABLE:
        return TargetError(f"the cluster says: {words}.", hint="Try again; see `kubectl cluster-info`.")
    return Refused(f"the cluster says: {words}.")
