"""Kubeflow Pipelines over HTTP: begins a run, tells how its tasks go, ends it.

The REST interface v2beta1, of version 2.0 and later: https://www.kubeflow.org/docs/components/pipelines/reference/api/
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from seatrial.errors import InputError, Refused, TargetError

if TYPE_CHECKING:
    import httpx

API = "/apis/v2beta1"
TIMEOUT_S = 30.0
CONNECT_S = 10.0
WORDS = 600  # of what Kubeflow says, at most: its server puts its own stack into some answers
RUNNING = ("", "RUNTIME_STATE_UNSPECIFIED", "PENDING", "RUNNING", "CANCELING", "PAUSED")
OVER = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
LARGEST_PAGE = 200

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunState:
    """How Kubeflow says that a run goes: its own state, and that of each task by its name."""

    state: str
    error: str = ""
    tasks: Mapping[str, str] = field(default_factory=dict)


class Kubeflow:
    """One Kubeflow, at its endpoint. `namespace` is the user's, where it has several; a block owns the connection.

    Raises `TargetError` where it does not answer, and `Refused` for what it does not allow or take.
    """

    def __init__(
        self, endpoint: str, *, token: str | None = None, ca: Path | None = None, namespace: str | None = None
    ):
        self.endpoint = endpoint.rstrip("/")
        self.namespace = namespace
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._client = _client(self.endpoint, self._headers, ca)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, which is made where there is none."""
        for experiment in self._list("experiments", name):
            return str(experiment["experiment_id"])
        made = self._ask("POST", "experiments", {"display_name": name, **self._of_user()})
        return str(made["experiment_id"])

    def begin(self, name: str, pipeline: Json, *, experiment: str, service_account: str | None) -> str:
        """Begins a run of the pipeline (`pipeline_spec`, `platform_spec`); returns Kubeflow's id of it."""
        run = {
            "display_name": name,
            "experiment_id": experiment,
            "pipeline_spec": pipeline,
            "runtime_config": {},
            **({} if service_account is None else {"service_account": service_account}),
        }
        return str(self._ask("POST", "runs", run)["run_id"])

    def state(self, run: str, name: str) -> RunState:
        """How the run goes. `Refused` where it does not bear that name: it is somebody else's."""
        told = self._ask("GET", f"runs/{quote(run, safe='')}")
        if told.get("display_name") != name:
            raise Refused(
                f"the run {run!r} of Kubeflow is not {name!r}, as the run's record says.",
                path=self.endpoint,
                hint="Find out who wrote the record; look for the run in Kubeflow by its name.",
            )
        tasks = {
            str(task.get("display_name", "")): str(task.get("state", ""))
            for task in (told.get("run_details") or {}).get("task_details") or ()
        }
        return RunState(str(told.get("state", "")), str((told.get("error") or {}).get("message", ""))[:WORDS], tasks)

    def end(self, run: str, name: str) -> None:
        """Ends the run of that name and its pods; no error where it has ended."""
        if self.state(run, name).state in RUNNING:
            self._ask("POST", f"runs/{quote(run, safe='')}:terminate")

    def _of_user(self) -> dict[str, str]:
        return {} if self.namespace is None else {"namespace": self.namespace}

    def _list(self, kind: str, name: str) -> list[Json]:
        """Those with that name; the filter is Kubeflow's, and so is its matching of more than was asked for."""
        predicate = {"operation": "EQUALS", "key": "name", "stringValue": name}
        query = {"filter": json.dumps({"predicates": [predicate]}), "page_size": str(LARGEST_PAGE), **self._of_user()}
        listed = self._ask("GET", kind, query=query).get(kind) or ()
        return [entry for entry in listed if entry.get("display_name") == name]

    def _ask(self, method: str, path: str, body: Json | None = None, *, query: Mapping[str, str] | None = None) -> Json:
        import httpx

        try:
            answer = self._client.request(method, f"{API}/{path}", json=body, params=query)
        except httpx.HTTPError as error:
            raise TargetError(
                f"Kubeflow does not answer: {error or type(error).__name__}.",
                path=self.endpoint,
                hint="Correct the endpoint in [profile.X.kubeflow], or wait until it is there.",
            ) from None
        if answer.is_success:
            return self._document(answer)
        raise self._refusal(answer)

    def _document(self, answer: httpx.Response) -> Json:
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise TargetError(
                "what answers there is not Kubeflow Pipelines of version 2.",
                path=self.endpoint,
                hint="Name the address of its API server, with the path under which it stands.",
            )
        return document

    def _refusal(self, answer: httpx.Response) -> Refused | TargetError:
        status = answer.status_code
        words = _words(answer)
        if answer.is_redirect or status == HTTPStatus.UNAUTHORIZED:
            return Refused(
                "Kubeflow asks for a login.",
                path=self.endpoint,
                hint='Write token = "env:NAME" in [profile.X.kubeflow], and a valid token there.',
            )
        if status == HTTPStatus.FORBIDDEN:
            return Refused(
                f"Kubeflow does not allow it: {words}",
                path=self.endpoint,
                hint="Ask for the rights of an editor there, and name the namespace of its user.",
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not words:
            return TargetError(f"Kubeflow answers with status {status}.", path=self.endpoint, hint="Try again.")
        return Refused(f"Kubeflow says: {words or f'status {status}.'}", path=self.endpoint)


def pipeline_of(documents: Sequence[Json]) -> dict[str, object]:
    """The pipeline as a run takes it, from the one or two documents of its file."""
    spec, *platform = documents
    return {"pipeline_spec": spec, **({"platform_spec": platform[0]} if platform else {})}


def _client(endpoint: str, headers: Mapping[str, str], ca: Path | None) -> httpx.Client:
    import httpx

    try:
        verify = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:
        raise InputError(
            f"the certificates cannot be read: {error.strerror or error}.",
            path=str(ca),
            hint="Name a file of certificates in PEM form.",
        ) from None
    timeout = httpx.Timeout(TIMEOUT_S, connect=CONNECT_S)
    return httpx.Client(base_url=endpoint, headers=dict(headers), verify=verify, timeout=timeout)


def _words(answer: httpx.Response) -> str:
    try:
        document = answer.json()
    except ValueError:
        return ""
    words = str(document.get("message") or document.get("error") or "") if isinstance(document, dict) else ""
    return words[:WORDS]
