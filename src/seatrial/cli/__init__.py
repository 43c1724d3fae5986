"""The command line: one file a verb, loaded when it is called; no logic here."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import App

INTERRUPTED = 130
BROKEN_PIPE = 141  # as a shell shows SIGPIPE
HELP = """From object storage to a model you can put to sea.

For example:

    seatrial try --example
    seatrial init census --example census
    seatrial doctor
    seatrial run --help
"""


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: `command` in its module (a function or an App) is loaded when it is called."""

    module: str
    help: str
    show: bool = True
    from_environment: bool = False  # SEATRIAL_SERVE_PORT stands for --port: Azure ML starts a container without options


# In the order in which they are needed; `--help` lists them so.
VERBS = {
    "try": Verb("trial.try_", "Try a finished model on a table: the verdict and a report, in a minute."),
    "init": Verb("project.init", "Start a project: seatrial.toml, pipeline.py, README."),
    "put": Verb("project.put", "Put files into the project's store, for its steps to read."),
    "ingest": Verb("project.ingest", "Read a topic of Kafka into a table, each record exactly once."),
    "doctor": Verb("project.doctor", "Check Java, jars, store and catalog: what works, what to change."),
    "plan": Verb("project.plan", "Show which steps would run, which are cached, and why."),
    "run": Verb("project.run", "Run the pipeline; ends with the verdict and the release."),
    "assess": Verb("trial.assess", "Measure a release on rows that it answered in service, once their labels came."),
    "report": Verb("release.report", "Write the trial's report, one HTML file."),
    "verify": Verb("release.verify", "Check digests, signature and trust, and judge the evidence again."),
    "diff": Verb("release.diff", "Show what changed between two releases."),
    "predict": Verb("release.predict", "Answer for the rows of a CSV, JSON lines or Parquet file."),
    "serve": Verb("release.serve", "Serve a release over HTTP (Open Inference Protocol).", from_environment=True),
    "images": Verb(
        "project.images", "Write Containerfiles of the project's environment; --build and --push images of them."
    ),
    "publish": Verb("release.publish", "Copy a release into the store of another profile, verified there."),
    "deploy": Verb("release.deploy", "Render a release's service for kubectl, kubeflow or azureml; --apply: roll out."),
    "deployments": Verb("release.deployments", "List what a cluster serves: release, verdict, digests."),
    "keys": Verb("release.keys", "Make, show and export signing keys, by role."),
    "waive": Verb("release.waive", "Sign an exception for one requirement, with a reason and an end."),
    "releases": Verb("release.releases", "List the releases of this project."),
    "runs": Verb("project.runs", "List the runs of this project; show, follow or stop one."),
    "logs": Verb("project.logs", "Show what the steps of a run printed."),
    "gc": Verb("project.gc", "Remove what nothing needs any more; --dry-run shows it."),
    "export": Verb("release.export", "Write a release as a folder."),
    "step": Verb("project.step", "Run one step: what every remote container calls.", show=False),
    "executor": Verb("project.executor", "Start an executor of a Spark step, in its pod.", show=False),
    "drive": Verb("project.drive", "Drive a run from within a cluster: what a driver's pod calls.", show=False),
    "store": Verb("project.store", "Show, start or stop the embedded store.", show=False),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its status."""
    try:
        sys.exit(_status(list(sys.argv[1:] if arguments is None else arguments)))
    except KeyboardInterrupt:
        print("Interrupted; what was finished is kept, and the next run continues.", file=sys.stderr)  # noqa: T201  # before anything is imported
        sys.exit(INTERRUPTED)


def _status(arguments: list[str]) -> int:
    """Runs one command to its end, whatever that is, and says what was wrong."""
    from cyclopts import CycloptsError

    from seatrial.cli.output import report_error
    from seatrial.errors import InputError, SeatrialError, from_os_error

    try:
        status = _app(arguments[0] if arguments else None)(
            arguments, result_action="return_value", exit_on_error=False, print_error=False
        )
        sys.stdout.flush()  # whoever reads may be gone: known here, and not when the interpreter ends
    except CycloptsError as error:
        wrong = InputError(str(error).strip(), hint="See `seatrial --help`.")
        return report_error(wrong, as_json="--json" in arguments)
    except SeatrialError as error:
        return report_error(error, as_json="--json" in arguments)
    except BrokenPipeError:  # `| head` has what it wanted; whether a verdict passed was not said to the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return report_error(from_os_error(error), as_json="--json" in arguments)
    return status if isinstance(status, int) else 0


def _app(chosen: str | None) -> App:
    """The commands, of which only `chosen` is loaded: its docstring is its help, the others have their line."""
    from cyclopts import App
    from cyclopts.config import Env

    from seatrial import __version__

    app = App(
        name="seatrial",
        version=__version__,
        help=HELP,
        help_format="plaintext",
        config=(),  # no option is read from the environment behind the user's back
        suppress_keyboard_interrupt=False,  # main says what an interruption means
        help_epilogue="A RELEASE is name@version in the project's store, or the path of an exported folder.",
    )
    for position, (name, verb) in enumerate(VERBS.items()):
        settings: dict[str, Any] = {"sort_key": position}
        if name != chosen:
            settings["help"] = verb.help
        if verb.from_environment:
            settings["config"] = (Env("SEATRIAL_"),)
        app.command(f"seatrial.cli.{verb.module}:command", name=name, show=verb.show, **settings)
    return app
