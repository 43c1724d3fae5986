"""What runs are sent as, and the setup of a namespace, as files to look at.

After a wanted change, run once with SEATRIAL_WRITE_GOLDEN=1.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.deploy import find_target
from seatrial.deploy.namespace_setup import render_setup
from seatrial.deploy.target import Document, write_documents
from seatrial.pipeline.project.settings import ClusterChoice
from tests.azureml_sample import ON_AZURE, SCHEDULED_ON_AZURE
from tests.pipeline_sample import CLUSTER, DRIVEN, SCHEDULED, TASKED

GOLDEN = Path(__file__).parent / "golden_pipelines"
CASES = {
    "kubectl": lambda: (
        *find_target("kubectl").render_pipeline(DRIVEN),
        *find_target("kubectl").render_pipeline(SCHEDULED),
    ),
    "kubeflow": lambda: find_target("kubeflow").render_pipeline(TASKED),
    "azureml": lambda: find_target("azureml").render_pipeline(ON_AZURE),
    "azureml_scheduled": lambda: find_target("azureml").render_pipeline(SCHEDULED_ON_AZURE),
    "namespace": lambda: render_setup(CLUSTER),
    "namespace_for_workers": lambda: render_setup(CLUSTER, workers=True),
    "namespace_with_accounts": lambda: render_setup(
        ClusterChoice(
            namespace="pipelines",
            service_account="steps",
            release_service_account="signer",
            spark_service_account="spark",
        )
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_documents_are_the_ones_on_record(name: str) -> None:
    documents: tuple[Document, ...] = CASES[name]()
    if os.environ.get("SEATRIAL_WRITE_GOLDEN"):
        write_documents(documents, GOLDEN / name)
        pytest.skip(f"written, not compared: {GOLDEN / name}")
    on_record = {path.relative_to(GOLDEN / name).as_posix() for path in (GOLDEN / name).rglob("*.yaml")}
    assert {one.path for one in documents} == on_record
    for one in documents:
        assert one.text == (GOLDEN / name / one.path).read_text(), one.path
