"""The services of a namespace as the cluster tells them: Deployments, their versions (ReplicaSets) and their pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from seatrial.cluster.api_errors import Missing, checked_answer
from seatrial.cluster.client import REQUEST_S, Namespace

Document = Mapping[str, Any]


class Services(Namespace):
    """Reads what serves in one namespace."""

    def __init__(self, name: str, context: str | None) -> None:
        super().__init__(name, context)
        from kubernetes.client import AppsV1Api

        self._apps = AppsV1Api(self._client)

    def deployment(self, name: str) -> Document | None:
        """The Deployment of that name; None where there is none."""
        with suppress(Missing):
            document: Document = self._read(self._apps.read_namespaced_deployment, name)
            return document
        return None

    def replica_sets(self, selector: str) -> tuple[Document, ...]:
        """The ReplicaSets with these labels: a Deployment's versions, those that run and those that are kept."""
        return self._listed(self._apps.list_namespaced_replica_set, selector)

    def pods(self, selector: str) -> tuple[Document, ...]:
        """The pods with these labels."""
        return self._listed(self._core.list_namespaced_pod, selector)

    def _listed(self, listing: Any, selector: str) -> tuple[Document, ...]:
        return tuple(self._read(listing, label_selector=selector)["items"])

    def _read(self, call: Any, *arguments: str, **options: str) -> Any:
        """The server's own JSON: the client's objects are of its version of the schema."""

        def answer() -> Any:
            response = checked_answer(
                call(*arguments, self.name, **options, _preload_content=False, _request_timeout=REQUEST_S)
            )
            try:
                return json.loads(response.data)
            except ValueError:  # a proxy's page
                from kubernetes.client import ApiException

                raise ApiException(HTTPStatus.BAD_GATEWAY, "what answers is not an API server") from None

        return self._ask(answer)
