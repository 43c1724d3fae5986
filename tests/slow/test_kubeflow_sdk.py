"""What is rendered for Kubeflow, read by Kubeflow's own SDK in an environment of its own: it wants older libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.deploy import find_target
from tests.pipeline_sample import TASKED

SDK = ("kfp==2.17.0", "kfp-kubernetes==2.17.0")
INSTALLED_WITHIN_S = 600
# Each field is one of the official schemas, the SDK loads the whole as a pipeline, and compiles it again.
CHECK = """\
import json, sys, warnings
warnings.filterwarnings("ignore")
import yaml
from google.protobuf import json_format
from kfp import compiler, components
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

text = open(sys.argv[1]).read()
spec, platform = yaml.safe_load_all(text)
json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
for config in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
    json_format.ParseDict(config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
pipeline = components.load_component_from_text(text)
compiler.Compiler().compile(pipeline, sys.argv[2])
again, _ = yaml.safe_load_all(open(sys.argv[2]))
print(json.dumps({
    "inputs": sorted(pipeline.component_spec.inputs),
    "tasks": sorted(again["root"]["dag"]["tasks"]),
    "cpu": again["deploymentSpec"]["executors"]["exec-features"]["container"]["resources"]["cpuLimit"],
}))
"""


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the SDK."""
    folder = tmp_path_factory.mktemp("sdk")
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALLED_WITHIN_S)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *SDK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S, check=False)
    if done.returncode:
        pytest.skip(f"Kubeflow's SDK cannot be installed on this machine: {done.stderr.strip()[-300:]}")
    return python


def test_the_sdk_of_kubeflow_takes_what_is_rendered(sdk: Path, tmp_path: Path) -> None:
    (document,) = find_target("kubeflow").render_pipeline(TASKED)
    (tmp_path / "pipeline.yaml").write_text(document.text)
    (tmp_path / "check.py").write_text(CHECK)
    command = [str(sdk), "check.py", "pipeline.yaml", "again.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["inputs"] == sorted(
        ["run", "assess.budget_s", *(f"train_model.{name}" for name in ("epochs", "rate", "fast", "title"))]
    )
    assert len(told["tasks"]) == len(TASKED.tasks)
    assert float(told["cpu"]) == 0.5
