"""Sending documents to an API server: `kubectl apply --server-side`, with exactly the bytes that were rendered."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence

from seatrial.deploy.target import Document
from seatrial.errors import InputError, Refused, TargetError

FIELD_MANAGER = "seatrial"  # whoever owns a field of an object; another owner's field is a conflict, not overwritten
REQUEST_TIMEOUT_S = 30
COMMAND_TIMEOUT_S = 180
# kubectl's words when it could not ask anybody: no configuration, no such host, nobody listens, no right to log in
_UNREACHABLE = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|no configuration has been provided"
    r"|unable to connect|couldn't get current server|context .* does not exist|must be logged in|unauthorized"
    r"|error reading input for|certificate signed by unknown authority|was refused - did you specify the right host",
    re.IGNORECASE,
)
_HINTS = (
    (r'namespaces "([^"]+)" not found', "Make it: kubectl create namespace {0}"),
    (r'no matches for kind "InferenceService"', "Install KServe on this cluster, or deploy --to kubectl."),
    (r"conflict with \"([^\"]+)\"", "{0} owns those fields: let it go of them, or change them there."),
    (r"violate PodSecurity", "The documents meet the restricted standard: something changed them on their way."),
    (r"forbidden: User", "Ask whoever runs the cluster for the right to make these objects in this namespace."),
)


def apply(documents: Sequence[Document]) -> str:
    """Has the server try all of the documents, and only then sends them; returns kubectl's lines."""
    dry_run(documents)
    return _kubectl(documents, dry=False)


def dry_run(documents: Sequence[Document]) -> str:
    """The whole request, admission included, without its effect; a warning is a refusal too.

    A warning is how an API server says that it will take a Deployment whose pods it is going to refuse.
    """
    return _kubectl(documents, dry=True)


def command_line(folder: str) -> str:
    """What a person types to send the documents of a folder in the same way."""
    return f"kubectl apply --server-side --field-manager={FIELD_MANAGER} -f {shlex.quote(folder)}"


def _kubectl(documents: Sequence[Document], *, dry: bool) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise InputError(
            "kubectl is not on PATH.", path="kubectl", hint="Install it, or send the files of --output DIR elsewhere."
        )
    command = [
        kubectl,
        "apply",
        "--server-side",
        f"--field-manager={FIELD_MANAGER}",
        "--validate=strict",
        f"--request-timeout={REQUEST_TIMEOUT_S}s",
        *(["--dry-run=server", "--warnings-as-errors"] if dry else []),
        "--filename=-",
    ]
    try:
        done = subprocess.run(
            command,
            input="".join(document.text for document in documents).encode(),
            capture_output=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise TargetError(
            f"kubectl had no answer after {COMMAND_TIMEOUT_S} s.",
            path="kubectl",
            hint="See whether the cluster is well.",
        ) from None
    if done.returncode != 0:
        raise _explained(
            done.stderr.decode(errors="replace").strip(),
            "Nothing was sent." if dry else "What was sent before it stays; sending all of it again is safe.",
        )
    return done.stdout.decode(errors="replace").strip()


def _explained(words: str, otherwise: str) -> Refused | TargetError:
    if _UNREACHABLE.search(words):
        return TargetError(
            f"the cluster could not be asked: {words}", path="kubectl", hint="See `kubectl cluster-info`."
        )
    for pattern, hint in _HINTS:
        if match := re.search(pattern, words):
            return Refused(f"the cluster refused: {words}", path="kubectl", hint=hint.format(*match.groups()))
    return Refused(f"the cluster refused: {words}", path="kubectl", hint=otherwise)
