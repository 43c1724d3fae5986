"""Every method that evidence can carry is explained on the page, however its name is composed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import seatrial.verdicts
from seatrial.report.methods import methods_used

SOURCES = sorted(
    path
    for path in Path(seatrial.verdicts.__path__[0]).rglob("*.py")
    if "Interval(" in path.read_text(encoding="utf-8")
)
UNKNOWN = "A method of a later version."
SHAPED_LIKE_A_METHOD = re.compile(r"betting|[a-z0-9]+(-[a-z0-9]+)+")


def written_in(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and SHAPED_LIKE_A_METHOD.fullmatch(text):
            yield text


def text_of(name: str) -> str:
    return methods_used([name])[0].text


METHODS = sorted({name for source in SOURCES for name in written_in(source)})


@pytest.mark.parametrize("name", METHODS)
def test_every_name_that_the_statistics_write_has_a_text(name: str) -> None:
    assert text_of(name) != UNKNOWN


@pytest.mark.parametrize("name", [name for name in METHODS if name.startswith("asymptotic-")])
def test_asymptotic_ones_say_that_they_promise_nothing(name: str) -> None:
    assert "promises nothing at finite sizes" in text_of(name)


@pytest.mark.parametrize(
    "name",
    [
        "counted",
        "counted-on-a-sample",
        "clopper-pearson-half-alpha",
        "clopper-pearson-half-alpha-ratio",
        "betting-weighted-half-alpha-ratio",
        "clopper-pearson-f1-bonferroni",
        "betting-weighted-f1-half-alpha",
        "clopper-pearson-half-alpha-paired/fisher-clopper-pearson-paired-bonferroni",
        "delong-logit/hoeffding-auc-half-alpha",
        "clopper-pearson/clopper-pearson-f1-half-alpha-bonferroni",
        "delong-paired-weighted",
        "obuchowski-paired-weighted",
        "asymptotic-logit-weighted-half-alpha",
    ],
)
def test_composed_names_have_a_text(name: str) -> None:
    assert text_of(name) != UNKNOWN


def test_a_name_of_parts_that_nobody_knows_is_of_a_later_version() -> None:
    assert text_of("clopper-pearson/guessing-half-alpha") == UNKNOWN


def test_what_the_page_has_told_of_a_base_it_does_not_tell_again() -> None:
    entries = {one.name: one.text for one in methods_used(["clopper-pearson-half-alpha", "clopper-pearson"])}
    assert "Biometrika" in entries["clopper-pearson"]
    assert entries["clopper-pearson-half-alpha"].startswith("As clopper-pearson. The difference")
