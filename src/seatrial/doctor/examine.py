"""All checks, in the order in which they help: the machine first, then what the project's profile reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from seatrial.doctor import machine_checks, store_checks
from seatrial.doctor.check import Check, checked
from seatrial.errors import InputError, SeatrialError
from seatrial.pipeline.local_store import has_spark_steps, has_steps
from seatrial.pipeline.project.cluster_profile import resources_of
from seatrial.pipeline.project.project_file import load_project
from seatrial.pipeline.project.settings import FILE_NAME
from seatrial.pipeline.steps.declaration import Resources
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.pipeline.workspace import Workspace, open_project
from seatrial.prepare.jars import jar_cache
from seatrial.prepare.spark_settings import SparkSettings


def examine(directory: Path, profile: str, *, progress: Callable[[str], None] | None = None) -> Iterator[Check]:
    """Each check as it is made. Outside a project, what needs one is left out, and that is said."""
    yield checked("python", machine_checks.python)
    has_project = (directory / FILE_NAME).exists()
    yield checked("disk", lambda: machine_checks.disk(directory if has_project else jar_cache()))
    yield checked("keys", machine_checks.keys)
    yield checked("kubectl", machine_checks.kubectl)
    if not has_project:
        yield from _spark(SparkSettings(), "sqlite:", progress)
        yield Check("project", "ok", f"there is no {FILE_NAME} in {directory.resolve()}: store and catalog are skipped")
        return
    yield from _of_project(directory, profile, progress)


def _of_project(directory: Path, profile: str, progress: Callable[[str], None] | None) -> Iterator[Check]:
    try:
        project = load_project(directory)
        if profile not in project.profiles:
            raise InputError(f"unknown profile {profile!r}.", hint=f"There is: {', '.join(project.profiles)}.")
    except SeatrialError as error:
        yield Check("project", "fail", str(error), error.hint)
        return
    yield Check("project", "ok", f"{project.name}, profile {profile}")
    spark = project.profiles[profile].spark
    try:
        with open_project(project, profile) as workspace:
            if has_spark_steps(project):
                yield from _spark(spark, workspace.catalog.uri, progress)
            else:
                yield Check("spark", "ok", "no step of this project needs it, or Java")
            yield checked("store", lambda: store_checks.store(workspace.objects, workspace.store))
            yield checked("conditional writes", lambda: store_checks.conditional_writes(workspace.objects))
            if workspace.profile.test_uses is not None:
                yield checked("test uses", lambda: store_checks.shared_uses(workspace))
            if has_steps(project):
                yield checked("catalog", lambda: store_checks.catalog(workspace.catalog))
            else:
                yield Check("catalog", "ok", "no step of this project makes tables")
            if workspace.profile.cluster is not None:
                from seatrial.doctor.cluster_checks import cluster_checks  # Kubernetes' client is slow to load

                yield from cluster_checks(workspace, _resources(workspace))
    except SeatrialError as error:
        yield Check("store", "fail", str(error), error.hint)


def _resources(workspace: Workspace) -> Mapping[str, Resources]:
    """What the steps ask of a cluster; none where the project's modules cannot be loaded, which `plan` tells."""
    try:
        graph = load_pipeline(workspace.project, sets=(), rehearse=False).graph
    except SeatrialError:
        return {}
    return {name: resources_of(step, workspace.profile) for name, step in graph.items()}


def _spark(settings: SparkSettings, catalog_uri: str, progress: Callable[[str], None] | None) -> Iterator[Check]:
    if not machine_checks.has_spark():
        yield machine_checks.NO_SPARK
        return
    java = checked("java", machine_checks.java)
    yield java
    if java.status == "ok" or settings.jars is not None:
        yield checked("jars", lambda: machine_checks.jars(settings, catalog_uri, progress))
    else:
        yield Check("jars", "fail", "not checked: fetching them needs Java.", "Repair Java first.")
