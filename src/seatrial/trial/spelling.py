"""The fields of a question, and how each is written: as an option, as an argument, as a key of seatrial.toml."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

_OPTIONS: Mapping[str, str] = {"budget_s": "--budget"}  # the others are called as the field is
_SECTIONS: Mapping[str, str] = {
    **dict.fromkeys(("classes", "inputs", "threshold"), "model"),
    **dict.fromkeys(("label", "task", "positive", "groups", "weight", "cluster", "train"), "data"),
    **dict.fromkeys(("clip", "quantile", "largest_weight"), "policy"),
    **dict.fromkeys(("seed", "budget_s"), "params.assess"),
    "margin": "[policy.require]",
    "against": "[policy.require]",
}
_KEYS: Mapping[str, str] = {"against": "no_worse_than"}
_LISTS = ("classes", "inputs", "groups")
_NUMBERS = ("threshold", "clip", "quantile", "largest_weight", "margin", "seed", "budget_s")


def command_line(name: str, example: str | None) -> str:
    """As an option of the command line.

    >>> command_line("classes", "a,b,c"), command_line("positive", ">50K")
    ('--classes a,b,c', "--positive '>50K'")
    """
    option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
    return option if example is None else f"{option} {shlex.quote(example)}"


def python_argument(name: str, example: str | None) -> str:
    """As an argument of a function.

    >>> python_argument("classes", "a,b,c"), python_argument("threshold", None)
    ('classes=["a", "b", "c"]', 'threshold=')
    """
    return f"{name}=" if example is None else f"{name}={_literal(name, example)}"


def project_key(name: str, example: str | None) -> str:
    """As a key of seatrial.toml.

    >>> project_key("classes", "a,b,c"), project_key("label", None), project_key("policy", None)
    ('classes = ["a", "b", "c"] under [model]', '[data] label', '[policy]')
    >>> project_key("clip", "10"), project_key("quantile", None)
    ('clip = 10 under [policy]', '[policy] quantile')
    """
    if name not in _SECTIONS:
        return f"[{name}]"
    key, section = _KEYS.get(name, name), _SECTIONS[name]
    if example is None:
        return f"[{section}] {key}"
    return f"{key} = {_literal(name, example)} under [{section}]"


def _literal(name: str, example: str) -> str:
    """The value as Python and TOML write it."""
    if name in _LISTS:
        return "[" + ", ".join(f'"{part}"' for part in example.split(",")) + "]"
    return example if name in _NUMBERS else f'"{example}"'
