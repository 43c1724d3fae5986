"""Sending documents to an API server: `kubectl apply --server-side`, with exactly the bytes that were rendered."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence

from seatrial.deploy.target import Document
from seatrial.errors import InputError, Refused, TargetError

FIELD_MANAGER = "seatrial"  # whoever owns a field of an object; another owner's field is a conflict, not overwritten
REQUEST_TIMEOUT_S = 30
COMMAND_TIMEOUT_S = 180
DIFFERS = 1  # the status of `kubectl diff` that found a difference; more is a failure
# kubectl's words when it could not ask anybody: no configuration, no such host, nobody listens, no right to log in
_UNREACHABLE = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|no configuration has been provided"
    r"|unable to connect|couldn't get current server|context .* does not exist|must be logged in|unauthorized"
    r"|error reading input for|certificate signed by unknown authority|was refused - did you specify the right host",
    re.IGNORECASE,
)
_TAKE = f"kubectl apply --server-side --field-manager={FIELD_MANAGER} --force-conflicts -f DIR, after --output DIR."
_WEBHOOK = r'failed calling webhook "([^"]+)"'  # "connection refused" there is not about the API server
_HINTS = (
    (_WEBHOOK, "What answers for {0} does not run or is not reached: see to that controller, and send again."),
    (r'namespaces "([^"]+)" not found', "Make it: kubectl create namespace {0}"),
    (r'no matches for kind "InferenceService"', "Install KServe on this cluster, or deploy --to kubectl."),
    (r"conflict with \"([^\"]+)\"", f"{{0}} owns those fields. Change them there, or take them: {_TAKE}"),
    (r"violate PodSecurity", "The documents meet the restricted standard: something changed them on their way."),
    (r"forbidden: User", "Ask whoever runs the cluster for the right to make these objects in this namespace."),
)


def apply(
    documents: Sequence[Document], *, context: str | None = None, before_sending: Callable[[], None] | None = None
) -> str:
    """Has the server try all of the documents, and only then sends them; returns kubectl's lines.

    `context` is one of the kubeconfig's; without it the current one. `before_sending` is called between the two.
    """
    dry_run(documents, context=context)
    if before_sending is not None:
        before_sending()
    return _send(documents, context, otherwise="What was sent before it stays; sending all of it again is safe.")


def dry_run(documents: Sequence[Document], *, context: str | None = None) -> str:
    """The whole request, admission included, without its effect; a warning is a refusal too.

    A warning is how an API server says that it will take a Deployment whose pods it is going to refuse.
    """
    return _send(documents, context, "--dry-run=server", "--warnings-as-errors", otherwise="Nothing was sent.")


def difference(documents: Sequence[Document], *, context: str | None = None) -> str:
    """What sending them would change, as a unified diff of the server's objects; empty where nothing would."""
    command = ["diff", "--server-side", f"--field-manager={FIELD_MANAGER}", "--filename=-"]
    done = call_kubectl(command, _text(documents), context)
    if done.returncode > DIFFERS:
        raise explained(done.stderr.decode(errors="replace").strip(), "Nothing was sent.")
    return done.stdout.decode(errors="replace")


def command_line(folder: str, *, context: str | None = None, kustomized: bool = False) -> str:
    """What a person types to send the documents of a folder in the same way; those that its Kustomization lists."""
    place = "" if context is None else f" --context={shlex.quote(context)}"
    option = "-k" if kustomized else "-f"
    return f"kubectl{place} apply --server-side --field-manager={FIELD_MANAGER} {option} {shlex.quote(folder)}"


def _send(documents: Sequence[Document], context: str | None, *options: str, otherwise: str) -> str:
    command = ["apply", "--server-side", f"--field-manager={FIELD_MANAGER}", "--validate=strict", *options]
    done = call_kubectl([*command, "--filename=-"], _text(documents), context)
    if done.returncode != 0:
        raise explained(done.stderr.decode(errors="replace").strip(), otherwise)
    return done.stdout.decode(errors="replace").strip()


def _text(documents: Sequence[Document]) -> str:
    return "".join(document.text for document in documents)


def call_kubectl(arguments: Sequence[str], text: str, context: str | None) -> subprocess.CompletedProcess[bytes]:
    """Runs kubectl with this text as its input; raises `TargetError` where it does not end in time."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise InputError(
            "kubectl is not on PATH.", path="kubectl", hint="Install it, or send the files of --output DIR elsewhere."
        )
    place = [] if context is None else [f"--context={context}"]
    try:
        return subprocess.run(
            [kubectl, *place, f"--request-timeout={REQUEST_TIMEOUT_S}s", *arguments],
            input=text.encode(),
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


def explained(words: str, otherwise: str) -> Refused | TargetError:
    """The error that kubectl's words mean."""
    if _UNREACHABLE.search(words) and not re.search(_WEBHOOK, words):
        return TargetError(
            f"the cluster could not be asked: {words}", path="kubectl", hint="See `kubectl cluster-info`."
        )
    for pattern, hint in _HINTS:
        if match := re.search(pattern, words):
            return Refused(f"the cluster refused: {words}", path="kubectl", hint=hint.format(*match.groups()))
    return Refused(f"the cluster refused: {words}", path="kubectl", hint=otherwise)
