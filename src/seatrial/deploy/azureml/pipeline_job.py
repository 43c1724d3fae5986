"""A run as a pipeline job of Azure ML, one command component a step: pure, and nothing secret is in it.

Azure orders the components by what one hands to another. Ours hand over nothing, as all they make is in the project's
store: each writes the time at which it ended into a small file, which those that need it are given.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence

from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.restricted_pod import SCRATCH_FOLDER
from seatrial.cluster.yaml_text import Manifest
from seatrial.deploy.azureml.values import COMPONENT
from seatrial.errors import InputError
from seatrial.pipeline.driver.driver_manifest import NAME_DIGITS, DriverRun, schedule_name
from seatrial.pipeline.places.job_manifest import HOME_FOLDER
from seatrial.pipeline.project.settings import AzureMLChoice
from seatrial.pipeline.tasks.key_vault import SIGNING_VARIABLE, VAULT_VARIABLE
from seatrial.pipeline.tasks.planned_task import PlannedTask, refuse_placeholders

PIPELINE, SCHEDULE, COMPONENTS = "pipeline.yaml", "schedule.yaml", "components"
SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
DONE = "done"  # the output of every component
RELEASE = "release"
SLACK_S = 600  # beside a step's own limit: its image is pulled, and the step itself says that it took too long
FIXED = ("--rehearse", "--no-cache")  # of the options of a run: every step gets them
_BINDING = "${{"  # Azure puts something else in its place, wherever it stands
# The jobs of a schedule are called <schedule>-<YYYYMMDD>T<hhmmss>Z; bash cuts the time out of the name.
_TIME_OF_SCHEDULED = "${AZUREML_ROOT_RUN_ID##*-}"


def render_documents(
    request: DriverRun, tasks: Sequence[PlannedTask], choice: AzureMLChoice, schedule: str | None
) -> dict[str, Manifest]:
    """The documents by path; what is created comes first: the schedule, or else the job."""
    refuse_placeholders((*request.options, *request.variables.values()), _BINDING, orchestrator="Azure ML")
    names = {task.step: component_name(task.step) for task in tasks}
    documents: dict[str, Manifest] = {} if schedule is None else {SCHEDULE: _schedule(request, schedule)}
    documents[PIPELINE] = _pipeline(request, tasks, choice, names)
    for task in tasks:
        documents[f"{COMPONENTS}/{names[task.step]}.yaml"] = _component(request, task, names)
    return documents


def component_name(step: str) -> str:
    """The step's name where Azure takes it, else one that no other step gets.

    >>> component_name("train_model"), component_name("Train")
    ('train_model', 'train_9c3dbf7e')
    """
    return step if COMPONENT.pattern.fullmatch(step) else dns_label(step).replace("-", "_")


def _schedule(request: DriverRun, schedule: str) -> Manifest:
    return {
        "$schema": f"{SCHEMAS}/schedule.schema.json",
        "name": schedule_name(request.project, request.profile),
        "display_name": f"Seatrial: {request.project}, {request.profile}",
        "trigger": {"type": "cron", "expression": schedule, "time_zone": "UTC"},
        "create_job": f"./{PIPELINE}",
    }


def _pipeline(
    request: DriverRun, tasks: Sequence[PlannedTask], choice: AzureMLChoice, names: dict[str, str]
) -> Manifest:
    # A schedule's jobs are named by Azure.
    name: Manifest = {} if request.run is None else {"name": f"{request.project}-{request.run}"}
    return {
        "$schema": f"{SCHEMAS}/pipelineJob.schema.json",
        "type": "pipeline",
        **name,
        "display_name": f"Seatrial: {request.project}",
        "experiment_name": request.project,
        "tags": {"project": request.project, "profile": request.profile, "code": request.code},
        "settings": {
            "default_compute": f"azureml:{choice.compute}",
            "force_rerun": True,  # a step finds what was done in the store, wherever it was done
            "continue_on_step_failure": True,  # what does not need the step that failed goes on, as everywhere
        },
        "jobs": {names[task.step]: _job(request, task, choice, names) for task in tasks},
    }


def _job(request: DriverRun, task: PlannedTask, choice: AzureMLChoice, names: dict[str, str]) -> Manifest:
    signs = task.step == RELEASE and choice.signing_vault is not None
    variables = {
        "HOME": SCRATCH_FOLDER,
        "SEATRIAL_STATE": f"{SCRATCH_FOLDER}/seatrial",
        "SEATRIAL_HOME": HOME_FOLDER,
        "PYTHONUNBUFFERED": "1",
        **request.variables,
        **({SIGNING_VARIABLE: choice.signing_vault or ""} if signs else {}),
    }
    job: Manifest = {"type": "command", "component": f"./{COMPONENTS}/{names[task.step]}.yaml"}
    if (compute := _compute(task, choice)) is not None:
        job["compute"] = f"azureml:{compute}"
    if task.needs:
        job["inputs"] = {
            _after(step, names): f"${{{{parent.jobs.{names[step]}.outputs.{DONE}}}}}" for step in task.needs
        }
    job["environment_variables"] = variables
    if signs or VAULT_VARIABLE in request.variables:
        job["identity"] = {"type": "managed_identity"}  # the compute's, which reads the vault
    job["resources"] = {"instance_count": 1}
    if task.resources.timeout_s is not None:
        # Retries are the step's own: a command of Azure ML has none.
        tries = task.resources.retries + 1
        job["limits"] = {"timeout": task.resources.timeout_s * tries + SLACK_S}
    return job


def _compute(task: PlannedTask, choice: AzureMLChoice) -> str | None:
    """The compute, where it is not that of all steps: the machine of a compute is a step's alone, with all it has."""
    if task.step == RELEASE:
        return choice.release_compute
    if task.resources.gpus and choice.gpu_compute is None:
        raise InputError(
            f"step {task.step!r} asks for {task.resources.gpus} GPUs, and the profile does not say where they are.",
            path="azureml.gpu_compute",
            hint='Write gpu_compute = "…", a compute whose machines have as many.',
        )
    return choice.gpu_compute if task.resources.gpus else None


def _component(request: DriverRun, task: PlannedTask, names: dict[str, str]) -> Manifest:
    component: Manifest = {
        "$schema": f"{SCHEMAS}/commandComponent.schema.json",
        "type": "command",
        "name": names[task.step],
        "display_name": task.step,
        "is_deterministic": False,  # else Azure takes the last run of equal text for this one
        "environment": {"image": request.image},
    }
    if task.needs:
        # direct: the address alone; nothing is downloaded or mounted
        component["inputs"] = {_after(step, names): {"type": "uri_file", "mode": "direct"} for step in task.needs}
    component["outputs"] = {DONE: {"type": "uri_file", "mode": "upload"}}
    component["command"] = f"{_command(request, task)} && date -u +%FT%TZ > ${{{{outputs.{DONE}}}}}"
    return component


def _command(request: DriverRun, task: PlannedTask) -> str:
    """The words that every container of a step runs, for bash."""
    if request.run is None:
        other = hashlib.sha256(f"{request.project} {request.profile}".encode()).hexdigest()[:NAME_DIGITS]
        run = f'"{_TIME_OF_SCHEDULED}-{other}"'
    else:
        run = shlex.quote(request.run)
    words = ["--profile", request.profile, "--code", request.code]
    words += [f"--expects={name}={version}" for name, version in task.versions.items()]
    words += [text for text in request.options if text in FIXED or text.startswith(f"--set={task.step}.")]
    return f"seatrial step {shlex.quote(task.step)} --run {run} {shlex.join(words)}"


def _after(step: str, names: dict[str, str]) -> str:
    return f"after_{names[step]}"
