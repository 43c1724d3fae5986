"""A release rendered for a target, and sent exactly as rendered."""

from __future__ import annotations

from typing import Literal, get_args

from seatrial.deploy.target import Target
from seatrial.deploy.targets.azureml import AzureML
from seatrial.deploy.targets.kubectl import Kubectl
from seatrial.deploy.targets.kubeflow import Kubeflow

TargetName = Literal["kubectl", "kubeflow", "azureml"]
TARGET_NAMES: tuple[TargetName, ...] = get_args(TargetName)


def target(name: TargetName) -> Target:
    """The target of that name."""
    targets: dict[TargetName, Target] = {"kubectl": Kubectl(), "kubeflow": Kubeflow(), "azureml": AzureML()}
    return targets[name]
