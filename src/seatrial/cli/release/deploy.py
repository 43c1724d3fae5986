"""`seatrial deploy`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile, Trust
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.deploy.service_settings import ServiceSettings
    from seatrial.deploy.target import Document


def command(
    release: str | None = None,
    /,
    *,
    to: Annotated[
        str, Parameter(help="What serves it: kubectl, kubeflow, azureml, or a target that an installed package adds.")
    ],
    output: Annotated[Path | None, Parameter(help="Write the documents into this folder.")] = None,
    diff: Annotated[bool, Parameter(help="Show what --apply would change on the cluster.", negative="")] = False,
    apply: Annotated[
        bool, Parameter(help="Send the documents, and wait until every pod serves the release.", negative="")
    ] = False,
    detach: Annotated[bool, Parameter(help="With --apply or --rollback: do not wait.", negative="")] = False,
    rollback: Annotated[
        bool, Parameter(help="Send the release that was served before, verified again.", negative="")
    ] = False,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Render the service of a release for kubectl, kubeflow or azureml; --apply rolls it out.

    Without RELEASE: the newest that passed. One that does not verify, or neither passed nor is waived, is refused (1).
    So is a rollout that does not come up, in the words of its pods; what served before serves on.
    The profile names a store that the cluster reaches, and an image pinned by its digest.

    For example:

        seatrial deploy census@2 --to kubectl --profile prod
        seatrial deploy --to kubeflow --profile prod --output manifests
        seatrial deploy census@2 --to kubectl --profile prod --diff
        seatrial deploy census@2 --to kubectl --profile prod --apply
        seatrial deploy --to kubectl --profile prod --rollback
    """
    from seatrial.deploy import find_target
    from seatrial.deploy.kustomization import kustomization
    from seatrial.deploy.roll_out import roll_out, service_before
    from seatrial.deploy.service_of_release import request_service
    from seatrial.deploy.target import write_documents
    from seatrial.errors import InputError

    if rollback and release is not None:
        raise InputError("--rollback finds the release by itself.", path=release, hint="Leave out one of the two.")
    sends = apply or rollback
    if diff and sends:
        raise InputError("--diff sends nothing.", path="--diff", hint="Look first, then send without --diff.")
    if detach and not sends:
        raise InputError("nothing is sent to be waited for.", path="--detach", hint="Add --apply.")
    target = find_target(to)
    if rollback:
        service = service_before(target, directory=directory, profile=profile, trust=trust)
    else:
        service = request_service(release, directory=directory, profile=profile, trust=trust)
    documents = target.render_service(service)
    files = [*documents, kustomization(documents)] if target.kustomizes else documents
    if output is not None:
        write_documents(files, output)
    call = Call(profile=profile, directory=directory, trust=trust)
    if diff:
        difference = target.difference(service, documents)
        if json:
            print_json({"release": service.release, "target": to, "difference": difference})
        else:
            nothing = f"Nothing: the cluster has {service.release} as it is."
            print_lines(*(difference.splitlines() or [nothing]))
        return 0
    follows = sends and not detach and target.sends
    words = None
    if follows:
        way_back = call.then("deploy", "--to", to, "--rollback")
        roll_out(target, service, documents, way_back=way_back, on_progress=_tell)
    elif sends:
        words = target.apply(service, documents)
    if json:
        print_json(_document(service, to, documents, sent=sends, rolled_out=follows))
        return 0
    if follows:
        print_lines(f"{service.release} is served by every pod.")
        print_lines(f"Next: {call.then('deployments')}")
    elif words is not None:
        print_lines(*words.splitlines(), f"Next: {target.next_step(service, folder=None)}")
    elif output is not None:
        print_lines(*(output / document.path for document in files))
        print_lines(f"Next: {target.next_step(service, folder=str(output))}")
    else:
        print("".join(f"# {document.path}\n{document.text}" for document in documents), end="")  # noqa: T201  # manifests, to the byte
        ways = "--output DIR, or with --apply" if target.sends else "--output DIR"
        print_lines(f"Next: the same with {ways}", file=sys.stderr)  # stdout is for a pipe
    return 0


def _tell(text: str) -> None:
    print_lines(*text.splitlines(), file=sys.stderr)


def _document(
    service: ServiceSettings, target: str, documents: Sequence[Document], *, sent: bool, rolled_out: bool
) -> dict[str, object]:
    return {
        "release": service.release,
        "digest": service.release_digest,
        "verdict": service.verdict,
        "waived_until": service.waived_until,
        "target": target,
        "documents": [{"path": document.path, "text": document.text} for document in documents],
        "sent": sent,
        "rolled_out": rolled_out,
    }
