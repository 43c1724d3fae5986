"""Every mistake here is loaded, and validated where it offers that, by azure-ai-ml; and refused by Seatrial."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.deploy import find_target
from seatrial.deploy.azureml.known_keys import KEYS, unknown_keys
from seatrial.deploy.azureml.lint import check_documents, find_mistakes, kind_of
from seatrial.deploy.azureml.vm_sizes import VM_SIZES, vm_size_mistake
from seatrial.errors import Problems
from tests.deploy_sample import IMAGE, SERVICE

Documents = dict[str, dict[str, Any]]
CONNECTION = "${{azureml://connections/seatrial-store/credentials/AWS_ACCESS_KEY_ID}}"


def component(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "command",
        "name": name,
        "version": "1",
        "environment": {"image": IMAGE},
        "command": f"seatrial step {name} && date > ${{{{outputs.done}}}}",
        "outputs": {"done": {"type": "uri_file"}},
        **more,
    }


def good() -> Documents:
    """A service, a pipeline of two steps and a schedule of it, as they should be."""
    service = {
        one.path: yaml.safe_load(one.text)
        for one in find_target("azureml").render_service(SERVICE)
        if one.path.endswith(".yaml")
    }
    after = {"after": {"type": "uri_file"}}
    second = component("model", inputs=after, command="seatrial step model ${{inputs.after}} ${{outputs.done}}")
    return {
        **service,
        "components/features.yaml": component("features"),
        "components/model.yaml": second,
        "pipeline.yaml": {
            "type": "pipeline",
            "name": "census-20260101t000000-abcdef",
            "experiment_name": "census",
            "settings": {"default_compute": "azureml:cpu-cluster"},
            "jobs": {
                "features": {"type": "command", "component": "./components/features.yaml"},
                "model": {
                    "type": "command",
                    "component": "./components/model.yaml",
                    "inputs": {"after": "${{parent.jobs.features.outputs.done}}"},
                },
            },
        },
        "schedule.yaml": {
            "name": "census-azure",
            "trigger": {"type": "cron", "expression": "0 3 * * *", "time_zone": "UTC"},
            "create_job": "./pipeline.yaml",
        },
    }


FILES = ("configuration/seatrial.toml", "configuration/trust.toml")


def put(place: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Writes the value at the place: "jobs.model.inputs.after"; below what is not there yet, too."""

    def spoil(document: dict[str, Any]) -> None:
        *above, last = place.split(".")
        for key in above:
            document = document.setdefault(key, {})
        document[last] = value

    return spoil


def take(place: str) -> Callable[[dict[str, Any]], None]:
    def spoil(document: dict[str, Any]) -> None:
        *above, last = place.split(".")
        for key in above:
            document = document[key]
        del document[last]

    return spoil


FEATURES, MODEL = "components/features.yaml", "components/model.yaml"
VARIABLES = "environment_variables"
LONG = "a" * 256
# The document, what is done to it, the key that the error begins with, and what it says.
MISTAKES: tuple[tuple[str, Callable[[dict[str, Any]], None], str, str], ...] = (
    # components
    (FEATURES, put("comand", "date"), "comand", 'Did you mean "command"?'),
    (FEATURES, put("environment_variables", {"A": "b"}), "environment_variables", "not a key that Azure ML reads"),
    (FEATURES, put("name", LONG), "name", "1 to 255 of a-z, 0-9 and _"),
    (FEATURES, put("version", "one two!"), "version", 'got "one two!"'),
    (FEATURES, put("environment.image", "registry.example/census:2"), "environment.image", "by its digest"),
    (FEATURES, put("environment.image", ""), "environment.image", 'got ""'),
    (FEATURES, put("environment", "azureml:census:2"), "environment.image", 'got "azureml:census:2"'),
    (FEATURES, put("resources", {"instance_count": 0}), "resources.instance_count", "at least 1, got 0"),
    (FEATURES, put("resources", {"instance_type": "Standard_Z9"}), "resources.instance_type", 'got "Standard_Z9"'),
    (FEATURES, put("command", ""), "command", "is empty"),
    # pipelines
    ("pipeline.yaml", put("name", "a run of mine!"), "name", 'got "a run of mine!"'),
    ("pipeline.yaml", put("name", LONG), "name", "1 to 255"),
    ("pipeline.yaml", put("experiment_name", "census / prod"), "experiment_name", 'got "census / prod"'),
    ("pipeline.yaml", put("settings.continue_on_failure", value=True), "settings.continue_on_failure", "Did you mean"),
    ("pipeline.yaml", put("settings.default_compute", "azureml:my cluster"), "settings.default_compute", "my cluster"),
    ("pipeline.yaml", put("jobs.model.retries", 3), "jobs.model.retries", "not a key"),
    ("pipeline.yaml", put("jobs", {}), "jobs", "is empty"),
    ("pipeline.yaml", put("jobs.model.compute", "my cluster"), "jobs.model.compute", 'got "my cluster"'),
    (
        "pipeline.yaml",
        put("jobs.model.resources", {"instance_count": 0}),
        "jobs.model.resources.instance_count",
        "got 0",
    ),
    ("pipeline.yaml", put("jobs.model.resources", {"instance_type": "Z9"}), "jobs.model.resources.instance_type", "Z9"),
    ("pipeline.yaml", put("jobs.model.limits", {"timeout": 0}), "jobs.model.limits.timeout", "at least 1, got 0"),
    ("pipeline.yaml", put("jobs.model.environment", {"image": "x:2"}), "jobs.model.environment.image", 'got "x:2"'),
    (
        "pipeline.yaml",
        put("jobs.model.environment_variables", {"AWS_ACCESS_KEY_ID": CONNECTION}),
        "jobs.model.environment_variables.AWS_ACCESS_KEY_ID",
        "for online deployments and not for jobs",
    ),
    (
        "pipeline.yaml",
        put("jobs.model.environment_variables", {"AWS_SECRET_ACCESS_KEY": "hunter2"}),
        "jobs.model.environment_variables.AWS_SECRET_ACCESS_KEY",
        "by value",
    ),
    (
        "pipeline.yaml",
        put("jobs.model.inputs.after", "${{parent.jobs.feature.outputs.done}}"),
        "jobs.model.inputs.after",
        "the step feature, which is not there",
    ),
    (
        "pipeline.yaml",
        put("jobs.model.inputs.after", "${{parent.jobs.features.outputs.table}}"),
        "jobs.model.inputs.after",
        "the output table that features lacks",
    ),
    (
        "pipeline.yaml",
        put("jobs.model.inputs.after", "${{parent.inputs.day}}"),
        "jobs.model.inputs.after",
        "the input day, which the pipeline lacks",
    ),
    (
        "pipeline.yaml",
        put("jobs.model.inputs.befor", "${{parent.jobs.features.outputs.done}}"),
        "jobs.model.inputs.befor",
        "not an input of the component",
    ),
    (
        "pipeline.yaml",
        put(
            "jobs.features",
            {
                "type": "command",
                "component": "./components/model.yaml",
                "inputs": {"after": "${{parent.jobs.model.outputs.done}}"},
            },
        ),
        "jobs",
        "must not wait for each other",
    ),
    # schedules
    ("schedule.yaml", put("name", "every night!"), "name", 'got "every night!"'),
    ("schedule.yaml", put("name", LONG), "name", "1 to 255"),
    ("schedule.yaml", put("trigger.expression", "every night"), "trigger.expression", "five fields"),
    ("schedule.yaml", put("trigger.expression", "0 3 1 * *"), "trigger.expression", "without a word"),
    ("schedule.yaml", put("trigger.time_zone", "Mars"), "trigger.time_zone", 'got "Mars"'),
    # deployments
    ("deployment.yaml", put("endpoint_name", "x" * 40), "endpoint_name", "3 to 32"),
    ("deployment.yaml", put("instance_type", "Standard_F3s_v2"), "instance_type", "Did you mean"),
    ("deployment.yaml", put("instance_type", "Standard_Bogus_v9"), "instance_type", 'got "Standard_Bogus_v9"'),
    ("deployment.yaml", put("instance_count", 0), "instance_count", "at least 1, got 0"),
    ("deployment.yaml", put("instance_count", -1), "instance_count", "got -1"),
    ("deployment.yaml", put("environment.image", "registry.example/census:2"), "environment.image", "by its digest"),
    ("deployment.yaml", put("environment.image", ""), "environment.image", 'got ""'),
    ("deployment.yaml", put("environment", {}), "environment.image", 'got ""'),
    ("deployment.yaml", put("liveness_probe.period", 0), "liveness_probe.period", "at least 1, got 0"),
    ("deployment.yaml", put("readiness_probe.timeout", -1), "readiness_probe.timeout", "got -1"),
    ("deployment.yaml", put("request_settings", {"request_timeout_ms": 0}), "request_settings", "at least 1, got 0"),
    (
        "deployment.yaml",
        put(f"{VARIABLES}.AWS_ACCESS_KEY_ID", CONNECTION.replace("connections", "connection")),
        f"{VARIABLES}.AWS_ACCESS_KEY_ID",
        "not a reference that a deployment resolves",
    ),
    (
        "deployment.yaml",
        put(f"{VARIABLES}.AWS_ACCESS_KEY_ID", CONNECTION.removesuffix("}")),
        f"{VARIABLES}.AWS_ACCESS_KEY_ID",
        "not a reference",
    ),
    (
        "deployment.yaml",
        put(f"{VARIABLES}.TOKEN", "${{keyvault:https://vault.example.com/secrets/token}}"),
        f"{VARIABLES}.TOKEN",
        "not a reference",
    ),
    (
        "deployment.yaml",
        put(f"{VARIABLES}.AWS_SECRET_ACCESS_KEY", "hunter2"),
        f"{VARIABLES}.AWS_SECRET_ACCESS_KEY",
        "is a secret, and stands here by value",
    ),
    ("deployment.yaml", put(f"{VARIABLES}.A NAME", "b"), f"{VARIABLES}.A NAME", "letters, digits and _"),
    ("deployment.yaml", put(f"{VARIABLES}.THREADS", 2), f"{VARIABLES}.THREADS", "must be a text, got 2"),
    ("deployment.yaml", put("model.name", "a model!"), "model.name", 'got "a model!"'),
    ("deployment.yaml", put("model.path", "./configuratoin"), "model.path", "must be a file or folder beside"),
    ("deployment.yaml", put("model_mount_path", "seatrial"), "model_mount_path", "must be an absolute path"),
    (
        "deployment.yaml",
        put("code_configuration", {"code": "./missing", "scoring_script": "score.py"}),
        "code_configuration.code",
        "must be a file or folder beside",
    ),
    ("deployment.yaml", take("type"), "type", 'must be "managed" or "kubernetes"'),
    # endpoints and their traffic
    ("endpoint.yaml", put("name", "x"), "name", "3 to 32"),
    ("endpoint.yaml", put("name", "x" * 40), "name", "3 to 32"),
    ("traffic.yaml", put("traffic", {"release-2": -5}), "traffic.release-2", "between 0 and 100, got -5"),
    ("traffic.yaml", put("traffic", {"release-3": 100}), "traffic.release-3", "a deployment that is not there"),
    ("traffic.yaml", put("traffic", {"release-2": 90}), "traffic", "must add up to 100 percent, got 90"),
    ("traffic.yaml", put("traffic", {"release-2": 0}), "traffic", "must add up to 100 percent, got 0"),
    ("traffic.yaml", put("mirror_traffic", {"release-2": 90}), "mirror_traffic.release-2", "between 0 and 50"),
    ("endpoint.yaml", put("compute", "azureml:k8s"), "compute", "makes this a kubernetes endpoint"),
)


def names(case: object) -> str | None:
    return case if isinstance(case, str) else None


pytestmark = pytest.mark.filterwarnings("ignore")  # azure-ai-ml warns of its own experimental classes


@pytest.fixture(scope="module")
def sdk() -> Iterator[Callable[[Path, str, Mapping[str, Any]], None]]:
    """Loads one document of a folder with azure-ai-ml, and validates it where that can be done offline."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml import load_component, load_job, load_online_deployment, load_online_endpoint
        from azure.ai.ml.entities._load_functions import load_schedule

        loaders: Mapping[str | None, Callable[[Path], Any]] = {
            "component": load_component,
            "pipeline": load_job,
            "deployment": load_online_deployment,
            "endpoint": load_online_endpoint,
            "schedule": load_schedule,
        }

        def load(folder: Path, path: str, document: Mapping[str, Any]) -> None:
            loaded = loaders[kind_of(document)](folder / path)
            result = loaded._validate() if hasattr(loaded, "_validate") else None  # None of a deployment
            assert result is None or result.passed, result.error_messages

        yield load


def write(folder: Path, documents: Documents) -> None:
    for file in FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("")
    for path, document in documents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(document))


def test_documents_as_they_should_be_pass_both(tmp_path: Path, sdk: Any) -> None:
    documents = good()
    write(tmp_path, documents)
    for path, document in documents.items():
        sdk(tmp_path, path, document)
    check_documents(documents, FILES)


@pytest.mark.parametrize(("path", "spoil", "key", "words"), MISTAKES, ids=names)
def test_the_sdk_takes_what_is_refused_here(
    tmp_path: Path, sdk: Any, path: str, spoil: Callable[[dict[str, Any]], None], key: str, words: str
) -> None:
    documents = good()
    spoil(documents[path])
    write(tmp_path, documents)
    sdk(tmp_path, path, documents[path])
    with pytest.raises(Problems) as caught:
        check_documents(documents, FILES)
    (error, *_) = [one for one in caught.value.errors if one.path == path]
    assert error.problem.startswith(key)
    assert error.hint
    assert words in f"{error.problem} {error.hint}"


def test_all_mistakes_are_told_at_once() -> None:
    documents = good()
    documents["deployment.yaml"]["instance_count"] = 0
    documents["traffic.yaml"]["traffic"] = {"release-2": 20}
    documents[FEATURES]["environment"]["image"] = "census:2"
    paths = [path for path, _ in find_mistakes(documents, FILES)]
    assert paths == ["deployment.yaml", "traffic.yaml", FEATURES]


def test_no_secret_is_repeated_by_an_error() -> None:
    documents = good()
    documents["deployment.yaml"]["environment_variables"]["AWS_SECRET_ACCESS_KEY"] = "hunter2"
    with pytest.raises(Problems) as caught:
        check_documents(documents, FILES)
    assert "hunter2" not in str(caught.value)


def test_a_document_of_another_kind_is_refused() -> None:
    ((_, mistake),) = find_mistakes({"compute.yaml": {"name": "cpu", "size": "Standard_DS3_v2"}})
    assert mistake.key == "type"


def test_names_and_free_keys_of_the_user_are_not_unknown() -> None:
    document = {"type": "pipeline", "tags": {"anything": "goes"}, "jobs": {"any": {"inputs": {"goes": "too"}}}}
    assert list(unknown_keys(document, KEYS["pipeline"])) == []


@pytest.mark.parametrize("size", [*VM_SIZES, "STANDARD_NC4AS_T4_V3", "standard_f2s_v2"])
def test_sizes_of_azures_list_are_taken_in_any_case(size: str) -> None:
    assert vm_size_mistake(size) is None


@pytest.mark.parametrize("size", ["Standard_DS6_v2", "Standard_F2s_v3", "F2s_v2", "m5.large", "", None, 4])
def test_other_sizes_are_not(size: object) -> None:
    wrong = vm_size_mistake(size)
    assert wrong is not None
    assert "2026-11-29" in wrong[1]


def test_good_documents_stay_as_they_are() -> None:
    documents = good()
    before = copy.deepcopy(documents)
    check_documents(documents, FILES)
    assert documents == before
