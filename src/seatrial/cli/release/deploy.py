"""`seatrial deploy`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.options import Directory, Json, Profile, Trust
from seatrial.cli.output import print_json, print_lines


def command(
    release: str | None = None,
    /,
    *,
    to: Annotated[
        str, Parameter(help="What serves it: kubectl, kubeflow, azureml, or a target that an installed package adds.")
    ],
    output: Annotated[Path | None, Parameter(help="Write the documents into this folder.")] = None,
    apply: Annotated[bool, Parameter(help="Send the documents.", negative="")] = False,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Render the service of a release for kubectl, kubeflow or azureml; --apply sends it.

    Without RELEASE: the newest that passed. One that does not verify, or neither passed nor is waived, is refused (1).
    The profile names a store that the cluster reaches, and an image pinned by its digest.

    For example:

        seatrial deploy census@2 --to kubectl --profile prod
        seatrial deploy --to kubeflow --profile prod --output manifests
        seatrial deploy census@2 --to kubectl --profile prod --apply
    """
    from seatrial.deploy import find_target
    from seatrial.deploy.service_of_release import request_service
    from seatrial.deploy.target import write_documents

    target = find_target(to)
    service = request_service(release, directory=directory, profile=profile, trust=trust)
    documents = target.render_service(service)
    if output is not None:
        write_documents(documents, output)
    sent = target.apply(documents) if apply else None
    if json:
        print_json(
            {
                "release": service.release,
                "digest": service.release_digest,
                "verdict": service.verdict,
                "waived_until": service.waived_until,
                "target": to,
                "documents": [{"path": document.path, "text": document.text} for document in documents],
                "sent": sent is not None,
            }
        )
        return 0
    if sent is not None:
        print_lines(sent)
        print_lines(f"Next: {target.next_step(service, folder=None)}")
    elif output is not None:
        print_lines(*(output / document.path for document in documents))
        print_lines(f"Next: {target.next_step(service, folder=str(output))}")
    else:
        print("".join(f"# {document.path}\n{document.text}" for document in documents), end="")  # noqa: T201  # manifests, to the byte
        ways = "--output DIR, or with --apply" if target.sends else "--output DIR"
        print_lines(f"Next: the same with {ways}", file=sys.stderr)  # stdout is for a pipe
    return 0
