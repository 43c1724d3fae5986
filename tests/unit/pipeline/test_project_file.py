"""seatrial.toml is read strictly, and every mistake in it is told at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError, Problems, SeatrialError
from seatrial.pipeline.project.project_file import load_project, parse_project

WHOLE = """
[project]
name = "census"

[data]
test = "features.test"
validation = "features.validation"
label = "income"
task = "binary"
positive = ">50K"
groups = ["sex", "race"]

[model]
from = "model"

[params.model]
epochs = 8
rate = 0.5
mitigate = true

[policy]
confidence = 0.9
[[policy.require]]
metric = "accuracy"
at_least = 0.8
[[policy.require]]
metric = "true_positive_rate"
gap_between = "sex"
at_most = 0.1

[profile.prod]
store = { url = "s3://lake/census", endpoint = "http://127.0.0.1:9000", credentials = "env" }
catalog = "env:CATALOG"
spark = { master = "local[2]", memory = "1g" }
image = "registry.example/census@sha256:00"
"""


def problems(text: str) -> tuple[SeatrialError, ...]:
    with pytest.raises(Problems) as caught:
        parse_project(text, Path("/project"))
    return caught.value.errors


def only(text: str) -> str:
    (one,) = problems(text)
    return str(one)


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


def line_of(text: str, fragment: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if fragment in line)


def test_a_whole_file_is_read_into_settings() -> None:
    project = parse_project(WHOLE, Path("/project"))
    assert (project.name, project.pipeline, project.model) == ("census", "pipeline", "model")
    assert project.parameters == {"model": {"epochs": 8, "rate": 0.5, "mitigate": True}}
    assert project.parameters["model"]["mitigate"] is True
    assert project.policy.require[1].gap_between == "sex"
    assert project.profiles["prod"].store is not None
    assert project.profiles["local"].store is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("label =", "lable =", 'data.lable: unknown key. Did you mean "label"?'),
        ('from = "model"', 'form = "model"', 'model.form: unknown key. Did you mean "from"?'),
        ("at_least = 0.8", "at_laest = 0.8", "at_laest: unknown key."),
        ("image =", "imgae =", 'Did you mean "image"?'),
        ("[model]", "[modle]", 'modle: unknown key. Did you mean "model"?'),
        ("master =", "mastre =", 'Did you mean "master"?'),
    ],
)
def test_an_unknown_key_is_an_error_with_its_line_and_a_hint(old: str, new: str, expected: str) -> None:
    text = changed(old, new)
    found = [one for one in problems(text) if "unknown key" in str(one)]
    assert any(expected in str(one) for one in found), found
    assert found[0].line == line_of(text, new)


def test_all_mistakes_are_told_at_once() -> None:
    text = changed("label =", "lable =").replace("epochs = 8", "epochs = [8]").replace('url = "s3', 'ulr = "s3')
    assert {"data.lable", "data.label", "params.model.epochs", "profile.prod.store.ulr", "profile.prod.store.url"} <= {
        str(one).split(": ")[1] for one in problems(text)
    }


def test_a_wrong_type_names_the_value() -> None:
    assert "not ['a', 'b']" in only(changed('label = "income"', 'label = ["a", "b"]'))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "census"', 'name = "Census 1"', "must be 2 to 40 of a-z"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", 'lacks a scheme. Write "http://127.0.0.1:9000"'),
        ("s3://lake/census", "lake/census", "must be at s3:// or file:"),
        ('credentials = "env"', 'credentials = "AKIA123"', "must be a reference"),
        ('credentials = "env"', 'credentials = "env", ca = "ca.pem"', 'Write "file:ca.pem"'),
        ('credentials = "env"', 'credentials = "env", proxy = "http://me:hunter2@proxy:1"', 'Write "env:NAME"'),
        ("s3://lake/census", "s3://lake/census?token=hunter2", "a bucket and a prefix"),
        ('credentials = "env"', 'credentials = { secret_key = "hunter2" }', "a secret stands in it"),
        ('"env:CATALOG"', '"postgresql://user:hunter2@host/db"', "contains a password"),
        ('"env:CATALOG"', '"postgresql+psycopg2://user:hunter2@host/db"', "contains a password"),
        ('"env:CATALOG"', '"postgresql://user:hun/hunter2@host/db"', "contains a password"),
        ('"env:CATALOG"', '"postgresql://host/db?user=me&password=hunter2"', "contains a password"),
        ("http://127.0.0.1:9000", "http://user:hunter2@127.0.0.1:9000", "contains a password"),
        ('gap_between = "sex"', 'gap_between = "six"', 'Did you mean "sex"?'),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_way_out(old: str, new: str, expected: str) -> None:
    text = only(changed(old, new))
    assert expected in text
    assert "hunter2" not in text


@pytest.mark.parametrize("wrong", ['["hunter2"]', '{ secret_key = ["hunter2"] }', "{ secret_key = 4711 }"])
def test_credentials_of_a_wrong_type_are_not_repeated(wrong: str) -> None:
    told = "\n".join(map(str, problems(changed('credentials = "env"', f"credentials = {wrong}"))))
    assert "hunter2" not in told
    assert "4711" not in told
    assert "input should be" in told


def test_an_unknown_metric_is_refused_with_its_line() -> None:
    text = changed('metric = "accuracy"', 'metric = "acuracy"')
    (one,) = problems(text)
    assert 'Did you mean "accuracy"?' in str(one)
    assert one.line == line_of(text, "acuracy")


def test_broken_syntax_names_its_line() -> None:
    with pytest.raises(InputError) as caught:
        parse_project("[project]\nname = \n", Path("/project"))
    assert caught.value.line == 2


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "seatrial.toml").write_bytes('[project]\nname = "zürich"\n'.encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8") as caught:
        load_project(tmp_path)
    assert caught.value.line == 2


def test_a_folder_without_a_project_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seatrial init"):
        load_project(tmp_path)


def test_a_key_that_is_missing_is_named_without_the_rest_of_its_table() -> None:
    told = only(WHOLE.replace('label = "income"\n', ""))
    assert told.endswith("data.label: a required key is missing. Add it.")


def test_a_misspelt_half_of_the_credentials_is_told_with_the_near_one() -> None:
    told = only(WHOLE.replace('credentials = "env"', 'credentials = { acces_key = "env:KEY" }'))
    assert "profile.prod.store.credentials: unknown key acces_key." in told
    assert told.endswith('Did you mean "access_key"?')
