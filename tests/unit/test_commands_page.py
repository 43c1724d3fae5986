"""The page about the commands: each has its section, with the options that it takes and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cyclopts import App

from seatrial.cli import VERBS, _app

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text()
COMMANDS = [*VERBS]
ALWAYS = {"--help", "-h", "--version"}
ARGUMENTS = {"--release", "--name"}  # `serve` takes its release from a variable too, `step` its name


def section(verb: str) -> str:
    found = re.search(rf"^## `seatrial {verb}`$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"{verb} has no section"
    return found[1]


def told(verb: str) -> set[str]:
    """The options in the first cells of the section's tables, and in the sentence that lists the shared ones."""
    text = section(verb)
    cells = re.findall(r"^\| (`-.*?) \|", text, re.MULTILINE)
    sentences = re.findall(r"(?:Options: |[Tt]akes? |take )([^.]*)[.;]", text)
    return {name for part in (*cells, *sentences) for name in re.findall(r"`(--?[a-zA-Z-]+)`", part)}


def taken(app: App) -> set[str]:
    """The options of a command and its subcommands, the long name of each and the short ones of the page's tables."""
    own: set[str] = set()
    if app.default_command is not None:
        own = {name for argument in app.assemble_argument_collection() for name in argument.names if name[0] == "-"}
    return own.union(*(taken(app[name]) for name in app if not name.startswith("-"))) - ALWAYS - ARGUMENTS


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_options_of_a_command_are_those_of_its_section(verb: str) -> None:
    options = taken(_app(verb)[verb])
    shared_short = {"-p", "-C"}  # told once, above the commands
    assert told(verb) == options - shared_short


@pytest.mark.parametrize("option", ["--directory", "-C", "--profile", "-p", "--trust", "--json", "--set", "--rehearse"])
def test_what_commands_share_is_told_once(option: str) -> None:
    shared = re.search(r"^### Shared options$(.*?)^###", PAGE, re.MULTILINE | re.DOTALL)
    assert shared
    assert f"`{option}`" in shared[1]


def test_no_section_is_about_a_command_that_is_not_there() -> None:
    assert set(re.findall(r"^## `seatrial (.*)`$", PAGE, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_section_says_how_the_command_may_end(verb: str) -> None:
    assert not VERBS[verb].show or "Exit status" in section(verb)
