"""Text that a container gets to the letter: Kubernetes expands `$(NAME)` in arguments and in values of variables."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.cluster.yaml_text import Manifest


def literal(text: str) -> str:
    """The text so that Kubernetes hands it over as it is.

    >>> literal("a$$b $(SECRET)")
    'a$$$$b $$(SECRET)'
    """
    return text.replace("$", "$$")


def literal_variables(variables: Mapping[str, str]) -> list[Manifest]:
    """The `env` of a container with these variables."""
    return [{"name": name, "value": literal(value)} for name, value in variables.items()]
