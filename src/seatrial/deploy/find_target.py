"""Targets by name: those that ship with Seatrial, and those that an installed package adds. Loaded when asked for.

A package adds one by an entry point of the group `seatrial.targets`, whose value is a class without arguments:

    [project.entry-points."seatrial.targets"]
    nomad = "seatrial_nomad:Nomad"
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from seatrial.deploy.target import Target
from seatrial.errors import InputError, did_you_mean

GROUP = "seatrial.targets"
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "kubectl": "seatrial.deploy.targets.kubectl:Kubectl",
        "kubeflow": "seatrial.deploy.targets.kubeflow:Kubeflow",
        "azureml": "seatrial.deploy.targets.azureml:AzureML",
    }
)
_METHODS = ("render_service", "render_pipeline", "next_step", "apply", "difference", "deployment_of")


def target_names() -> tuple[str, ...]:
    """The names of all targets of this installation, Seatrial's own first; none is loaded."""
    return (*BUILT_IN, *sorted({entry_point.name for entry_point in entry_points(group=GROUP)} - BUILT_IN.keys()))


def find_target(name: str) -> Target:
    """The target of that name. Seatrial's own names cannot be taken by a package."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        target: Target = getattr(import_module(module), attribute)()
        return target
    offered = list(entry_points(group=GROUP, name=name))
    if not offered:
        names = target_names()
        raise InputError(
            f"unknown target {name!r}.",
            hint=did_you_mean(name, names) or f"Known: {', '.join(names)}.",
        )
    if len(offered) > 1:
        raise InputError(
            f"{len(offered)} packages add a target {name!r}: {', '.join(sorted(map(_package, offered)))}.",
            hint="Uninstall all but one of them.",
        )
    return _loaded(offered[0])


def _loaded(entry: EntryPoint) -> Target:
    try:
        candidate = entry.load()()
    except Exception as error:
        raise InputError(
            f"the target {entry.name!r} cannot be loaded: {type(error).__name__}: {error}",
            path=_package(entry),
            hint="Repair or uninstall that package.",
        ) from error
    missing = [method for method in _METHODS if not callable(getattr(candidate, method, None))]
    missing += [attribute for attribute in ("name", "sends", "kustomizes") if not hasattr(candidate, attribute)]
    if missing:
        raise InputError(
            f"the target {entry.name!r} lacks {', '.join(missing)}.",
            path=_package(entry),
            hint="It must be a seatrial.deploy.target.Target: repair or uninstall that package.",
        )
    target: Target = candidate
    return target


def _package(entry: EntryPoint) -> str:
    return entry.value if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
