"""A step's pod as the driver of its Spark: what it knows of itself, and the executors that it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.cluster.own_pod import OwnNamespace, api_server
from seatrial.cluster.yaml_text import to_yaml
from seatrial.errors import SeatrialError
from seatrial.pipeline.places.executor_pod import ExecutorPod, render_executor
from seatrial.pipeline.places.executor_watch import ExecutorWatch, Limits
from seatrial.pipeline.places.job_manifest import POD_ADDRESS, POD_NAME
from seatrial.pipeline.places.pod_store import CA_VARIABLE, STORE_VARIABLE
from seatrial.pipeline.places.run_documents import event_log_key
from seatrial.pipeline.workspace import Workspace
from seatrial.prepare.executor_pods import ExecutorPods, executor_memory, most_deaths
from seatrial.prepare.session import kill_session

TEMPLATE = "executor.yaml"
EVENT_LOG_MARK = b"Spark's event log, for its history server.\n"


@dataclass(frozen=True, slots=True)
class DriverPod:
    """The pod that this process is in, as the driver of a step of a run; `code` is a digest."""

    run: str
    step: str
    code: str
    environment: Mapping[str, str]


@contextmanager
def executors(driver: DriverPod, workspace: Workspace, folder: Path) -> Iterator[ExecutorPods | None]:
    """The pods that Spark shall make; None where the step's pod is to do without. `folder` is private to it.

    While it lasts they are watched, and what they died of takes the place of the error that they made.
    """
    profile, environment = workspace.profile, driver.environment
    if POD_NAME not in environment or profile.cluster is None or profile.image is None:
        yield None
        return
    pod = ExecutorPod(
        project=workspace.project.name,
        run=driver.run,
        step=driver.step,
        driver=environment[POD_NAME],
        image=profile.image,
        code=driver.code,
        variables={name: environment[name] for name in (STORE_VARIABLE, CA_VARIABLE) if name in environment},
    )
    template = render_executor(pod, profile.cluster, profile.spark)
    (folder / TEMPLATE).write_text(to_yaml(template))
    key = event_log_key(driver.run, driver.step)
    workspace.objects.put(f"{key}/README", EVENT_LOG_MARK)  # Spark wants a folder, which S3 has by what is in it
    pods = ExecutorPods(
        api_server=api_server(environment),
        namespace=profile.cluster.namespace,
        driver=pod.driver,
        address=_in_brackets(environment[POD_ADDRESS]),
        image=pod.image,
        template=folder / TEMPLATE,
        event_log=f"{workspace.store.url.rstrip('/').replace('s3://', 's3a://')}/{key}",
    )
    limits = Limits(
        executor_memory(profile.spark), most_deaths(profile.spark), replaced=profile.spark.max_executors is not None
    )
    namespace = OwnNamespace(profile.cluster.namespace, environment)
    watch = ExecutorWatch(namespace, template, driver=pod.driver, limits=limits, on_failure=kill_session)
    watch.start()
    try:
        yield pods
    except SeatrialError as error:
        raise watch.explain(error, driver.step) from None
    finally:
        watch.end()


def _in_brackets(address: str) -> str:
    return f"[{address}]" if ":" in address else address
