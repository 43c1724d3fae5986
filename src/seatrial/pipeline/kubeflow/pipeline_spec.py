"""A run as a pipeline of Kubeflow Pipelines: pure, and nothing secret is in it.

The intermediate representation, version 2.1.0, and beside it the document of its Kubernetes platform:
https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto and
https://github.com/kubeflow/pipelines/blob/master/kubernetes_platform/proto/kubernetes_executor_config.proto

Only what a backend of version 2.0.5 takes is used where a choice has to be: it refuses a field of the platform that it
does not know, and passes over one of the pipeline: `retryPolicy`, say. Tolerations are for newer ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from seatrial.cluster.container_text import literal, literal_variables
from seatrial.cluster.dns_names import dns_label
from seatrial.cluster.node_choice import node_choice
from seatrial.cluster.quantities import amount
from seatrial.cluster.restricted_pod import SCRATCH_FOLDER
from seatrial.cluster.yaml_text import Manifest, to_yaml
from seatrial.pipeline.driver.driver_manifest import DriverRun
from seatrial.pipeline.places.job_manifest import HOME_FOLDER
from seatrial.pipeline.project.settings import ClusterChoice
from seatrial.pipeline.steps.declaration import Parameter, Resources
from seatrial.pipeline.tasks.mounted_secrets import SECRET_VARIABLE, SIGNING_VARIABLE
from seatrial.pipeline.tasks.planned_task import PlannedTask, refuse_placeholders

SCHEMA = "2.1.0"
SDK = "seatrial"  # the backend notes it, and asks nothing of it
RUN = "run"  # the pipeline's input that names our run
FIXED = ("--rehearse", "--no-cache")  # of the options of a run; what steps are set to are inputs of the pipeline
GPU = "nvidia.com/gpu"
SECRET_FOLDER, SIGNING_FOLDER = "/var/run/seatrial/secret", "/var/run/seatrial/signing"
_GIGABYTE = Decimal(10) ** 9
_PLACEHOLDER = "{{"  # the backend and Argo both put something in place of what stands in braces


def render_pipeline(request: DriverRun, tasks: Sequence[PlannedTask], cluster: ClusterChoice) -> str:
    """The documents as one text of YAML, as Kubeflow's SDK would write it to a file."""
    return "".join(map(to_yaml, pipeline_documents(request, tasks, cluster)))


def pipeline_documents(
    request: DriverRun, tasks: Sequence[PlannedTask], cluster: ClusterChoice
) -> tuple[Manifest, ...]:
    """The pipeline and, where its pods need anything of Kubernetes, the platform's document."""
    kubernetes = {f"exec-{dns_label(task.step)}": _platform(task, cluster) for task in tasks}
    executors = {name: config for name, config in kubernetes.items() if config}
    platform: Manifest = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    return (_spec(request, tasks, cluster), *((platform,) if executors else ()))


def input_name(step: str, parameter: str) -> str:
    """What the pipeline calls the parameter of a step.

    >>> input_name("model", "epochs")
    'model.epochs'
    """
    return f"{step}.{parameter}"


def parameter_text(value: Parameter) -> str:
    """The value as `--set` reads it.

    >>> parameter_text(True), parameter_text(0.5)
    ('true', '0.5')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _spec(request: DriverRun, tasks: Sequence[PlannedTask], cluster: ClusterChoice) -> Manifest:
    inputs: Manifest = {RUN: _text(request.run or "")}
    for task in tasks:
        for parameter, value in task.parameters.items():
            inputs[input_name(task.step, parameter)] = _text(parameter_text(value))
    values = (str(value) for task in tasks for value in task.parameters.values())
    refuse_placeholders((*request.options, *values), _PLACEHOLDER, orchestrator="Kubeflow")
    names = {task.step: dns_label(task.step) for task in tasks}
    return {
        "components": {f"comp-{names[task.step]}": _component(task) for task in tasks},
        "deploymentSpec": {
            "executors": {
                f"exec-{names[task.step]}": {"container": _container(request, task, cluster)} for task in tasks
            }
        },
        "pipelineInfo": {"name": request.project, "description": f"Seatrial: the pipeline of {request.project}"},
        "root": {
            "dag": {"tasks": {names[task.step]: _task(task, names) for task in tasks}},
            "inputDefinitions": {"parameters": inputs},
        },
        "schemaVersion": SCHEMA,
        "sdkVersion": SDK,
    }


def _text(default: str) -> Manifest:
    return {"parameterType": "STRING", "defaultValue": default, "isOptional": True}


def _component(task: PlannedTask) -> Manifest:
    return {
        "executorLabel": f"exec-{dns_label(task.step)}",
        "inputDefinitions": {"parameters": {name: {"parameterType": "STRING"} for name in _inputs(task)}},
    }


def _task(task: PlannedTask, names: dict[str, str]) -> Manifest:
    described: Manifest = {
        "cachingOptions": {},  # off: a step finds what was done in the store, wherever it was done
        "componentRef": {"name": f"comp-{names[task.step]}"},
        "inputs": {"parameters": {name: {"componentInputParameter": name} for name in _inputs(task)}},
        "taskInfo": {"name": names[task.step]},
    }
    if task.needs:
        described["dependentTasks"] = [names[step] for step in task.needs]
    if task.resources.retries:
        described["retryPolicy"] = {"maxRetryCount": task.resources.retries}
    return described


def _inputs(task: PlannedTask) -> list[str]:
    return [RUN, *(input_name(task.step, parameter) for parameter in task.parameters)]


def _given(name: str) -> str:
    """What the backend puts the input's value in the place of."""
    return f"{{{{$.inputs.parameters['{name}']}}}}"


def _container(request: DriverRun, task: PlannedTask, cluster: ClusterChoice) -> Manifest:
    variables = {
        "HOME": SCRATCH_FOLDER,
        "SEATRIAL_STATE": f"{SCRATCH_FOLDER}/seatrial",
        "SEATRIAL_HOME": HOME_FOLDER,
        "PYTHONUNBUFFERED": "1",
        **({} if cluster.secret is None else {SECRET_VARIABLE: SECRET_FOLDER}),
        **({SIGNING_VARIABLE: SIGNING_FOLDER} if _signs(task, cluster) else {}),
        **request.variables,
    }
    fixed = [option for option in request.options if option in FIXED]
    arguments = ["step", task.step, "--profile", request.profile, "--code", request.code]
    arguments += [f"--expects={name}={version}" for name, version in task.versions.items()]
    arguments = [literal(argument) for argument in (*arguments, *fixed)]
    for parameter in task.parameters:
        name = input_name(task.step, parameter)
        arguments.append(f"--set={name}={_given(name)}")
    return {
        "image": request.image,
        "command": ["seatrial"],
        "args": [*arguments, "--run", _given(RUN)],
        "env": literal_variables(variables),
        "resources": _limits(task.resources),
    }


def _limits(resources: Resources) -> Manifest:
    """Numbers as texts, which protobuf's JSON takes for a double; in cores and gigabytes, and as newer backends ask."""
    limits: Manifest = {
        "cpuLimit": f"{amount(resources.cpu).normalize():f}",
        "memoryLimit": f"{(amount(resources.memory) / _GIGABYTE).normalize():f}",
        "resourceCpuLimit": resources.cpu,
        "resourceMemoryLimit": resources.memory,
    }
    if resources.gpus:
        count = str(resources.gpus)
        limits["accelerator"] = {"type": GPU, "count": count, "resourceType": GPU, "resourceCount": count}
    return limits


def _signs(task: PlannedTask, cluster: ClusterChoice) -> bool:
    return task.step == "release" and cluster.signing_secret is not None


def _platform(task: PlannedTask, cluster: ClusterChoice) -> Manifest:
    """What of the task's pod stands in the document of the platform."""
    config: Manifest = {}
    volumes: list[Manifest] = []
    if cluster.secret is not None:
        volumes.append({"secretName": cluster.secret, "mountPath": SECRET_FOLDER})
    if _signs(task, cluster):
        volumes.append({"secretName": cluster.signing_secret, "mountPath": SIGNING_FOLDER})
    if volumes:
        config["secretAsVolume"] = volumes
    if cluster.node_selector:
        config["nodeSelector"] = {"labels": dict(cluster.node_selector)}
    return config | {key: value for key, value in node_choice({}, cluster.tolerations).items() if key == "tolerations"}
