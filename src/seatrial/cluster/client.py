"""One namespace of a cluster: makes and removes Jobs, watches them and their pods, and reads what pods print."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import urlencode

from seatrial.cluster.api_errors import Exists, Forbidden, Missing, checked_answer, explained
from seatrial.cluster.connection import client_of
from seatrial.errors import TargetError

FIELD_MANAGER = "seatrial"
REQUEST_S = 30
WATCH_S = 240  # a watch is opened anew after so long: proxies cut what is silent for longer
CONNECT_S = 10
LOG_S = 120  # without a line, after which a log is opened anew: what is silent for longer may have been cut unseen
SILENT_S = 300  # of errors in a row, after which the cluster counts as gone
RETRY_S = 1.0
_CORE, _BATCH = "api/v1", "apis/batch/v1"

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
        client = client_of(context)
        from kubernetes.client import AuthorizationV1Api, BatchV1Api, CoreV1Api

        self._client = client
        self._patience_s = 0.0
        self._batch, self._core, self._authorization = BatchV1Api(client), CoreV1Api(client), AuthorizationV1Api(client)

    def patient(self) -> Self:
        """The same, which asks again for up to `SILENT_S` where the cluster does not answer, or is busy.

        To make a Job twice is to find the first one there.
        """
        patient = copy.copy(self)
        patient._patience_s = SILENT_S
        return patient

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
            return self._create(_BATCH, "jobs", text, dry_run=dry_run)
        except Exists:
            return None

    def create_service(self, text: str) -> str | None:
        """Like `create_job`, of a Service."""
        try:
            return self._create(_CORE, "services", text)
        except Exists:
            return None

    def apply_cron_job(self, name: str, text: str, *, dry_run: bool = False) -> None:
        """Makes the CronJob of this YAML text, to the byte, or makes the one of that name like it."""
        self._send("PATCH", _BATCH, f"cronjobs/{name}", text, "application/apply-patch+yaml", dry_run=dry_run)

    def delete_job(self, name: str, *, pods_first: bool = False) -> None:
        """Removes the Job and its pods, which go after it or first; no error when there is none."""
        with suppress(Missing):
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
        with suppress(Missing):
            read = self._ask(lambda: self._core.read_namespaced_secret(name, self.name, _request_timeout=REQUEST_S))
            return frozenset(read.data or ())
        return None

    def has_account(self, name: str) -> bool:
        """Whether there is a ServiceAccount of that name."""
        with suppress(Missing):
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

    def log(self, pod: str, *, since_s: int | None = None) -> Iterator[bytes]:
        """What the pod prints, as it comes, until it ends; of the last `since_s` seconds on, if that is given.

        `TargetError` where the connection breaks, or nothing comes for `LOG_S`: the pod may go on.
        """
        from urllib3.exceptions import HTTPError

        answer = self._ask(
            lambda: checked_answer(
                self._core.read_namespaced_pod_log(
                    pod,
                    self.name,
                    follow=True,
                    since_seconds=since_s,
                    _preload_content=False,
                    _request_timeout=(CONNECT_S, LOG_S),
                )
            )
        )
        try:
            yield from answer.stream(amt=None)
        except (HTTPError, OSError) as error:
            raise explained(error, self.name) from None
        finally:
            answer.release_conn()

    def watch_job(self, name: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Like `watch_jobs`, of the one with this name."""
        selector = {"field_selector": f"metadata.name={name}"}
        self._watch(self._batch.list_namespaced_job, selector, take, ended, lists=True)

    def watch_jobs(self, selector: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Calls `take` with the kind of each change ("ADDED", …) and the Job, until `ended`; see `_watch`."""
        self._watch(self._batch.list_namespaced_job, {"label_selector": selector}, take, ended, lists=True)

    def watch_pods(self, selector: str, take: Callable[[str, Document], None], ended: threading.Event) -> None:
        """Like `watch_jobs`, of pods."""
        self._watch(self._core.list_namespaced_pod, {"label_selector": selector}, take, ended)

    def _names(self, listing: Any, selector: str) -> tuple[str, ...]:
        listed = self._ask(lambda: listing(self.name, label_selector=selector, _request_timeout=REQUEST_S))
        return tuple(resource.metadata.name for resource in listed.items)

    def _create(self, group: str, resource: str, text: str, *, dry_run: bool = False) -> str:
        made = self._send("POST", group, resource, text, "application/yaml", dry_run=dry_run)
        return str(made["metadata"]["uid"])

    def _send(self, method: str, group: str, path: str, text: str, content_type: str, *, dry_run: bool) -> Document:
        """Sends the text as it is: the client's own calls would write the document anew."""
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        query |= {"force": "true"} if method == "PATCH" else {}
        settings = self._client.configuration
        url = f"{settings.host}/{group}/namespaces/{self.name}/{path}?{urlencode(query)}"
        headers = {"Accept": "application/json", "Content-Type": content_type}
        token = settings.auth_settings().get("BearerToken", {}).get("value")
        headers |= {"authorization": token} if token else {}
        return cast("Document", self._ask(lambda: self._answer(method, url, headers, text)))

    def _answer(self, method: str, url: str, headers: Mapping[str, str], text: str) -> object:
        answer = self._client.rest_client.request(
            method, url, headers=dict(headers), body=text, _request_timeout=REQUEST_S
        )
        return json.loads(checked_answer(answer).data or answer.read())

    def _watch(
        self,
        listing: Any,
        selector: Mapping[str, str],
        take: Callable[[str, Document], None],
        ended: threading.Event,
        *,
        lists: bool = False,
    ) -> None:
        """Watches until `ended`; lost watches begin anew, and after `SILENT_S` of errors the last one is raised.

        A watch that begins anew tells what there is, and not what has gone meanwhile. With `lists`, which takes that
        right too, it is told as DELETED.
        """
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        present: dict[str, Document] = {}
        silent_since: float | None = None
        while not ended.is_set():
            opened = time.monotonic()
            try:
                version = self._tell_gone(listing, selector, take, present) if lists and present else None
                for change in _raw_watch().stream(
                    listing,
                    self.name,
                    **selector,
                    **({} if version is None else {"resource_version": version}),
                    timeout_seconds=WATCH_S,
                    _request_timeout=(CONNECT_S, WATCH_S + 30),
                ):
                    silent_since = None
                    document = change["object"]
                    if change["type"] == "DELETED":
                        present.pop(document["metadata"]["name"], None)
                    else:
                        present[document["metadata"]["name"]] = document
                    take(change["type"], document)
                    if ended.is_set():
                        return
                silent_since = None  # nothing changed for so long, and nothing failed
            except (ApiException, HTTPError, OSError) as error:
                now = time.monotonic()
                silent_since = silent_since or now
                if now - silent_since > SILENT_S:
                    raise explained(error, self.name) from None
            if time.monotonic() - opened < RETRY_S:
                ended.wait(RETRY_S)

    def _tell_gone(
        self,
        listing: Any,
        selector: Mapping[str, str],
        take: Callable[[str, Document], None],
        present: dict[str, Document],
    ) -> str:
        """Tells what a watch has missed, and returns the version of the list for the next one to begin after."""
        answer = checked_answer(listing(self.name, **selector, _preload_content=False, _request_timeout=REQUEST_S))
        listed = json.loads(answer.data)
        now_there = {document["metadata"]["name"]: document for document in listed["items"]}
        for name in present.keys() - now_there.keys():
            take("DELETED", present.pop(name))
        for name, document in now_there.items():
            present[name] = document
            take("MODIFIED", document)
        return str(listed["metadata"]["resourceVersion"])

    def _ask(self, call: Callable[[], Any]) -> Any:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        last = time.monotonic() + self._patience_s
        while True:
            try:
                return call()
            except (ApiException, HTTPError) as error:
                failure = explained(error, self.name)
                if not isinstance(failure, TargetError) or time.monotonic() > last:
                    raise failure from None
            time.sleep(RETRY_S)


def _raw_watch() -> Any:
    """A watch whose objects are what the server sent; the client's own holds each against its version of the schema."""
    from kubernetes.watch import Watch

    class RawWatch(Watch):  # type: ignore[misc]  # a library without types
        def unmarshal_event(self, data: str, return_type: str) -> dict[str, Any]:  # noqa: ARG002 — the parent's
            event: dict[str, Any] = json.loads(data)
            return {**event, "raw_object": event["object"]}  # where the parent looks for an error

    return RawWatch()
