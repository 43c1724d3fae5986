"""What `run --on azureml` leaves: documents for Azure's own command line, and the code that they name in the store."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.cli.project.submission import Submission


def prepare(submission: Submission, *, schedule: str | None, dry_run: bool, output: Path | None) -> int:
    """Writes the documents of the run, or prints them; without `dry_run` the code is put into the store too."""
    from seatrial.deploy.target import write_documents
    from seatrial.deploy.targets.azureml import AzureML, pipeline_command
    from seatrial.errors import InputError
    from seatrial.pipeline.driver.azureml_run import plan_azureml_run
    from seatrial.pipeline.driver.driver_manifest import schedule_name
    from seatrial.pipeline.places.code_artifact import pack_code
    from seatrial.pipeline.running.run_records import Schedule, new_identity, schedule_key
    from seatrial.stores.documents import to_json

    if output is None and not dry_run:
        raise InputError(
            "the documents need a folder: Seatrial does not send to Azure ML.",
            path="--output",
            hint="Add --output DIR, or --dry-run to look at them.",
        )
    run = new_identity(submission.now, submission.token, None).run
    planned = plan_azureml_run(
        submission.pipeline, submission.workspace, submission.options, run=run, schedule=schedule
    )
    documents = AzureML().render_pipeline(planned)
    if not dry_run:
        project, objects = submission.workspace.project, submission.workspace.objects
        to_come = run if schedule is None else schedule_name(project.name, submission.workspace.profile_name)
        code = pack_code(project, objects)
        objects.put(schedule_key(f"azureml-{to_come}"), to_json(Schedule(code)))  # whenever Azure begins with it
    if output is not None:
        write_documents(documents, output)
    following = f"cd {shlex.quote(str(output or 'DIR'))} && {pipeline_command(scheduled=schedule is not None)}"
    if submission.as_json:
        print_json(
            {
                "run": None if schedule else run,
                "documents": [{"path": one.path, "text": one.text} for one in documents],
                "command": following,
            }
        )
        return 0
    if output is None:
        print("".join(f"# {one.path}\n{one.text}" for one in documents), end="")  # noqa: T201  # manifests, to the byte
    else:
        print_lines(*(str(output / one.path) for one in documents))
    if dry_run:  # stdout may be for a pipe
        print_lines("Next: the same with --output DIR and without --dry-run", file=sys.stderr)
    else:
        print_lines("Rendered and checked offline; Seatrial was never run on Azure.")
        print_lines(f"Next: {following}")
    return 0
