"""Documents of Azure ML, looked at before anybody sends them: azure-ai-ml loads many that Azure then refuses.

Each rule has a test that shows the SDK loading what is refused here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from seatrial.deploy.azureml import job_rules, service_rules
from seatrial.deploy.azureml.known_keys import KEYS, unknown_keys
from seatrial.deploy.azureml.mistake import Mistake
from seatrial.errors import InputError, Problems

Documents = Mapping[str, Mapping[str, Any]]  # by path within their folder


def check_documents(documents: Documents, files: Collection[str] = ()) -> None:
    """Raises `Problems` with every mistake; `files` are the paths of what is written beside the documents."""
    problems = [
        InputError(f"{mistake.key} {mistake.problem}", path=path, hint=mistake.hint)
        for path, mistake in find_mistakes(documents, files)
    ]
    if problems:
        raise Problems(problems)


def find_mistakes(documents: Documents, files: Collection[str] = ()) -> Iterator[tuple[str, Mistake]]:
    """Each mistake, with the path of its document."""
    everything = {*documents, *files}
    deployments = [one for one in documents.values() if kind_of(one) == "deployment"]
    components = {path: one for path, one in documents.items() if kind_of(one) == "component"}
    for path, document in documents.items():
        kind = kind_of(document)
        if kind is None:
            known = ", ".join(KEYS)
            yield path, Mistake("type", "does not say what the document is.", f"It can be one of: {known}.")
            continue
        rules: Mapping[str, Iterator[Mistake]] = {
            "endpoint": service_rules.endpoint_mistakes(document, deployments),
            "deployment": service_rules.deployment_mistakes(document, everything),
            "component": job_rules.component_mistakes(document, everything),
            "pipeline": job_rules.pipeline_mistakes(document, components),
            "schedule": job_rules.schedule_mistakes(document, everything),
        }
        for mistake in unknown_keys(document, KEYS[kind]):
            yield path, mistake
        for mistake in rules[kind]:
            yield path, mistake


def kind_of(document: Mapping[str, Any]) -> str | None:
    """What the document is, by the key that only its kind has."""
    if document.get("type") == "pipeline":
        return "pipeline"
    for key, kind in (
        ("endpoint_name", "deployment"),
        ("auth_mode", "endpoint"),
        ("create_job", "schedule"),
        ("command", "component"),
    ):
        if key in document:
            return kind
    return None
