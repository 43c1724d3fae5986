"""One word for one thing: the words that were given up stay out, and the glossary stays short."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_WORDS = 40
# given up -> the word that is used now
GIVEN_UP = {
    "mend": "hint",
    "heed": "on_progress",
    "unheard": "no_progress",
    "understood": "assumptions",
    "everybody": "overall",
    "asked_digest": "evaluation_digest",
    "settle": "validate",
    "trying": "open_inputs",
    "victim": "target_model",
    "own_line": "user_traceback",
    "pins": "pinned_inputs",
    "front": "input_graph",
}
MAY_STILL = {("understood", "tryout/assessment.py")}  # a deprecated name of `assumptions`, for scripts that read it


def names() -> dict[str, list[tuple[str, str]]]:
    """Every name in the source, whole, with the file and the place where it stands."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((ROOT / "src" / "seatrial").rglob("*.py")):
        file = path.relative_to(ROOT / "src" / "seatrial").as_posix()
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
            if token.type == tokenize.NAME:
                found.setdefault(token.string.lower().strip("_"), []).append((file, f"{file}:{token.start[0]}"))
    return found


NAMES = names()
FILES = sorted((ROOT / "src" / "seatrial").rglob("*.py"))


@pytest.mark.parametrize("word", sorted(GIVEN_UP))
def test_a_word_that_was_given_up_names_nothing(word: str) -> None:
    places = [where for file, where in NAMES.get(word, []) if (word, file) not in MAY_STILL]
    assert not places, f"{word} is called {GIVEN_UP[word]} now: {', '.join(places)}"
    assert not [path for path in FILES if path.stem == word]


def test_no_file_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
    assert not [path for path in FILES if path.stem in drawers or path.parent.name in drawers]


def test_a_folder_reads_as_a_table_of_contents() -> None:
    folders: dict[Path, int] = {}
    for path in FILES:
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert not {folder.name: count for folder, count in folders.items() if count > 20 and folder.name != "cli"}


def test_a_file_holds_one_idea() -> None:
    assert not [path for path in FILES if len(path.read_text().splitlines()) > 400]


def test_the_glossary_is_short_and_each_word_stands_once() -> None:
    text = (ROOT / "docs" / "reference" / "glossary.md").read_text()
    words = re.findall(r"^\| ([a-z ]+) \|", text, re.MULTILINE)
    assert 0 < len(words) <= MOST_WORDS
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    "words",
    [
        r"(?<!there )(?<!There )\bis no (probability|number|text|list|model|table|cost|step|frame)\b",
        r"names no (format|release)\b",
    ],
)
def test_errors_say_what_was_expected(words: str) -> None:
    """Not "is no probability", but "must be between 0 and 1, got 3"."""
    found = [
        f"{path.name}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(words, line.partition("  #")[0]) and '"""' not in line and not line.lstrip().startswith("#")
    ]
    assert not found
