"""The page about seatrial.toml: its example is one that is taken, and every key that there is stands on it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from seatrial.pipeline.project.project_file import parse_project as read
from seatrial.pipeline.project.settings import (
    AzureMLChoice,
    BucketChoice,
    ClusterChoice,
    DataSettings,
    KubeflowChoice,
    ModelSettings,
    ProfileSettings,
    ProjectSettings,
    ResourceChoice,
    ServiceChoice,
    StoreChoice,
)
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.sources.kafka.settings import KafkaSettings
from seatrial.verdicts.metrics import METRICS
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy.threat import Mutable, ThreatModel

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "seatrial-toml.md").read_text()
SECTIONS = {
    "`[project]`": ProjectSettings,
    "`[data]`": DataSettings,
    "`[model]`": ModelSettings,
    "`[policy]`": Policy,
    "`[[policy.require]]`": Requirement,
    "`[policy.threat.NAME]`": ThreatModel,
    "`[policy.threat.NAME.mutable.COLUMN]`": Mutable,
    "`[profile.NAME]`": ProfileSettings,
    "`store`": StoreChoice,
    "`buckets`": BucketChoice,
    "`spark`": SparkSettings,
    "`cluster`": ClusterChoice,
    "`kafka`": KafkaSettings,
    "`kubeflow`": KubeflowChoice,
    "`azureml`": AzureMLChoice,
    "`steps`": ResourceChoice,
    "`service`": ServiceChoice,
}

TABLES = {  # keys whose values are tables of their own
    "`[policy]`": {"require", "threat"},
    "`[policy.threat.NAME]`": {"mutable"},
    "`[profile.NAME]`": {"azureml", "buckets", "cluster", "kafka", "kubeflow", "service", "spark", "steps"},
}

EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_are_taken_whole() -> None:
    project, regression, classifier = (read(text, Path("/project")) for text in EXAMPLES)
    assert (regression.model, classifier.model) == ("model.onnx", "model.ubj")
    assert (project.name, project.model, project.parameters["model"]["epochs"]) == ("census", "model", 25)
    assert len(project.policy.require) == 3


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_examples_have_every_key_of_a_table(heading: str) -> None:
    keys = {one.name.rstrip("_") for one in fields(SECTIONS[heading])} - TABLES.get(heading, set())
    assert {
        key for key in keys if not re.search(rf"^ *{key} *=|[{{,] *{key} *=", "".join(EXAMPLES), re.MULTILINE)
    } == set()


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_of_a_table_has_its_row(heading: str) -> None:
    section = re.search(rf"^##+ {re.escape(heading)}$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section
    rows = re.findall(r"^\| (`.*?`) \|", section[1], re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(rows) == len(set(rows))
    assert told == {one.name.rstrip("_") for one in fields(SECTIONS[heading])}


def test_every_metric_that_a_policy_can_ask_for_is_named() -> None:
    assert {name for name, metric in METRICS.items() if metric.in_policies and f"`{name}`" not in PAGE} == set()
