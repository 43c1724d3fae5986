"""The API server as a pod of the cluster reaches it, by its ServiceAccount: few calls, and no client library."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from seatrial.cluster.yaml_text import Manifest
from seatrial.errors import InputError, Refused, SeatrialError, TargetError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")  # where a pod has its token
REQUEST_S = 15
WORDS = "the cluster says: "
WORDS_LIMIT = 2**20  # of a log or an answer in error: more is nothing to show

Document = Mapping[str, Any]


def api_server(environment: Mapping[str, str]) -> str:
    """The address that every container is told of."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise InputError("this process is in no pod of a cluster: KUBERNETES_SERVICE_HOST is not set.")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class OwnNamespace:
    """The pods of one namespace. Every call raises `Refused` for what is not allowed, `TargetError` without answer."""

    def __init__(self, name: str, environment: Mapping[str, str], account: Path = ACCOUNT) -> None:
        self._pods = f"{api_server(environment)}/api/v1/namespaces/{name}/pods"
        self._token = account / "token"  # read for each call: it is renewed every hour
        trusted = ssl.create_default_context(cafile=str(account / "ca.crt"))
        self._open = build_opener(ProxyHandler({}), HTTPSHandler(context=trusted)).open

    def pods(self, selector: str) -> tuple[Document, ...]:
        """Those with these labels, from the server's cache."""
        query = urlencode({"labelSelector": selector, "resourceVersion": "0"})
        return tuple(json.loads(self._ask("GET", f"?{query}"))["items"])

    def log_end(self, pod: str, lines: int) -> str:
        """The last lines that a pod printed."""
        query = urlencode({"tailLines": lines, "limitBytes": WORDS_LIMIT})
        return self._ask("GET", f"/{quote(pod)}/log?{query}").decode(errors="replace")

    def delete_pod(self, pod: str) -> None:
        """Removes the pod, in the time that it takes to end."""
        self._ask("DELETE", f"/{quote(pod)}")

    def check_pod(self, manifest: Manifest) -> None:
        """Raises `Refused`, with the server's words, where it would not take the pod now."""
        self._ask("POST", "?dryRun=All", json.dumps(manifest).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token.read_text().strip()}", "Content-Type": "application/json"}
        request = Request(self._pods + path, body, headers, method=method)  # noqa: S310 — an https address
        try:
            with self._open(request, timeout=REQUEST_S) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            raise _explained(error) from None
        except (URLError, TimeoutError, http.client.HTTPException, OSError) as error:
            raise TargetError(f"the API server does not answer: {error}") from None


def _explained(error: HTTPError) -> SeatrialError:
    try:
        words = json.loads(error.read(WORDS_LIMIT))["message"]
    except (ValueError, LookupError, TypeError, OSError):
        words = error.reason
    if error.code >= http.client.INTERNAL_SERVER_ERROR or error.code == http.client.TOO_MANY_REQUESTS:
        return TargetError(f"{WORDS}{words}.")
    return Refused(f"{WORDS}{words}.")
