"""What a single value of Azure ML's documents must be: a name, an image, a variable, a count, a folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from seatrial.deploy.azureml.mistake import Mistake
from seatrial.deploy.service_settings import PINNED_IMAGE
from seatrial.pipeline.project.azureml_profile import COMPUTE_NAME

SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")  # never by value
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What an online deployment resolves when it starts ("Access secrets from online deployment using secret injection",
# learn.microsoft.com/azure/machine-learning/how-to-deploy-online-endpoint-with-secret-injection).
_REFERENCE = re.compile(
    r"\$\{\{azureml://connections/[A-Za-z0-9][\w-]*/(target|(credentials|metadata)/[\w.-]+)\}\}"
    r"|\$\{\{keyvault:https://[a-z0-9-]{3,24}\.vault\.azure\.net/secrets/[0-9A-Za-z-]{1,127}(/[0-9a-f]{32})?\}\}"
)


@dataclass(frozen=True, slots=True)
class NameRule:
    """How something may be called."""

    pattern: re.Pattern[str]
    words: str


# Endpoints and deployments: Azure's limits of managed online endpoints (how-to-manage-quotas). The others: the pattern
# of the REST interface that azure-ai-ml carries, ^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$, which it asks only when it sends.
# Components and steps of a pipeline: azure-ai-ml's own rule, without a limit there.
ENDPOINT = NameRule(
    re.compile(r"[a-zA-Z](?=.{2,31}$)[a-zA-Z0-9-]*[a-zA-Z0-9]"),
    "3 to 32 letters, digits and -, begin with a letter and not end with -",
)
RESOURCE = NameRule(
    re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}"), "1 to 255 letters, digits, - and _, and not begin with - or _"
)
COMPONENT = NameRule(re.compile(r"[a-z][a-z0-9_]{0,254}"), "1 to 255 of a-z, 0-9 and _, and begin with a letter")
VERSION = NameRule(re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,29}"), "1 to 30 letters, digits, ., - and _")
COMPUTE = NameRule(
    re.compile(f"azureml:{COMPUTE_NAME.pattern}"), '"azureml:" and a name of 2 to 32 letters, digits and -'
)


def name_mistakes(key: str, name: object, rule: NameRule) -> Iterator[Mistake]:
    """A name that Azure refuses."""
    if not (isinstance(name, str) and rule.pattern.fullmatch(name)):
        yield Mistake(key, f'must be {rule.words}, got "{name}".', "Give another name.")


def count_mistakes(key: str, count: object, *, least: int = 1, most: int | None = None) -> Iterator[Mistake]:
    """A number outside of its range, or no whole number."""
    whole = isinstance(count, int) and not isinstance(count, bool)
    if not whole or count < least or (most is not None and count > most):  # type: ignore[operator]  # whole: an int
        limits = f"at least {least}" if most is None else f"between {least} and {most}"
        yield Mistake(key, f"must be a whole number, {limits}, got {count}.", f"Write {least} or more.")


def environment_mistakes(key: str, environment: object) -> Iterator[Mistake]:
    """An environment without an image, or with one that can change its content."""
    image = environment.get("image") if isinstance(environment, Mapping) else None
    shown = image if isinstance(environment, Mapping) else environment
    if not (isinstance(image, str) and PINNED_IMAGE.fullmatch(image)):
        yield Mistake(
            f"{key}.image",
            f'must name an image by its digest, got "{shown or ""}".',
            'Write image = "registry/name@sha256:…" in the profile; `seatrial images --push` does.',
        )


def variable_mistakes(key: str, variables: Mapping[Any, Any], *, references: bool) -> Iterator[Mistake]:
    """Variables whose value is not a text, secrets by value, and references to secrets that are not resolved.

    `references` are resolved for an online deployment alone: a job gets them as the text that they are.
    """
    for name, value in variables.items():
        place = f"{key}.{name}"
        if not (isinstance(name, str) and _VARIABLE.fullmatch(name)):
            yield Mistake(place, f'must be letters, digits and _, got "{name}".', "Give the variable another name.")
        if not isinstance(value, str):
            yield Mistake(place, f"must be a text, got {value!r}.", f'Write "{value}", in quotes.')
        elif "${{" in value and not references:
            yield Mistake(
                place,
                "refers to a secret, which Azure ML does for online deployments and not for jobs.",
                "Name the key vault that holds it: [profile.X.azureml] key_vault.",
            )
        elif "${{" in value and not _REFERENCE.fullmatch(value):
            yield Mistake(
                place,
                f'is not a reference that a deployment resolves, got "{value}".',
                'Write "${{azureml://connections/NAME/credentials/KEY}}".',
            )
        elif name in SECRETS and not _REFERENCE.fullmatch(value):
            yield Mistake(
                place, "is a secret, and stands here by value.", "Put it into a connection of the workspace or a vault."
            )


def path_mistakes(key: str, path: object, files: Collection[str]) -> Iterator[Mistake]:
    """A file or folder beside the documents that is not there. `azureml:…` and addresses are Azure's."""
    if not isinstance(path, str) or "azureml:" in path or "://" in path:
        return
    name = PurePosixPath(path).as_posix()
    if not any(file == name or file.startswith(f"{name}/") for file in files):
        yield Mistake(
            key, f'must be a file or folder beside the document, got "{path}".', "Write it there, or correct the path."
        )
