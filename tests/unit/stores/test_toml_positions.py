from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import InputError
from seatrial.stores.toml_positions import line_of, read_toml

TEXT = """\
a = 1  # a comment
"b.c".d = 2
store = { url = "x", sub = { y = 1 } }
list = [
  1,  # first
  { z = 2 },
]
[policy]
confidence = 0.9
[[policy.require]]
metric = "accuracy"

[[policy.require]]
metric = "roc_auc"
[policy.require.deep]
q = 1
[x."y z".'w']
k = 1
"""


def test_the_document_is_what_tomllib_reads() -> None:
    document, _ = read_toml(TEXT, "t.toml")
    assert document["policy"]["require"][1] == {"metric": "roc_auc", "deep": {"q": 1}}


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("a",), 1),
        (("b.c", "d"), 2),
        (("store", "sub", "y"), 3),
        (("list", 0), 5),
        (("list", 1, "z"), 6),
        (("policy",), 8),
        (("policy", "confidence"), 9),
        (("policy", "require"), 10),
        (("policy", "require", 0, "metric"), 11),
        (("policy", "require", 1), 13),
        (("policy", "require", 1, "metric"), 14),
        (("policy", "require", 1, "deep", "q"), 16),
        (("x", "y z", "w", "k"), 18),
    ],
)
def test_each_key_knows_its_line(place: tuple[str | int, ...], line: int) -> None:
    assert read_toml(TEXT, "t.toml")[1][place] == line


def test_a_missing_key_has_the_line_of_the_table_it_is_missing_from() -> None:
    _, positions = read_toml(TEXT, "t.toml")
    assert line_of(positions, ("policy", "require", 1, "at_least")) == 13
    assert line_of(positions, ("nowhere",)) is None


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = [\n", 2), ("a = 1\na = 2\n", 2), ("\n\nx = y\n", 3)])
def test_broken_syntax_is_an_input_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InputError) as caught:
        read_toml(text, "seatrial.toml")
    assert (caught.value.path, caught.value.line) == ("seatrial.toml", line)
    assert "(at" not in caught.value.problem


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), min_size=1, max_size=5, unique=True))
def test_any_key_that_tomllib_reads_has_a_line(keys: list[str]) -> None:
    quoted = ['"' + "".join(f"\\U{ord(letter):08x}" for letter in key) + '"' for key in keys]
    text = "".join(f"{key} = {number}\n" for number, key in enumerate(quoted))
    document, positions = read_toml(text, "t.toml")
    assert {key: positions[key,] for key in document} == {key: number + 1 for number, key in enumerate(keys)}
