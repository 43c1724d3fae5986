"""Manifests read back as what was written, under YAML 1.1 and 1.2."""

from __future__ import annotations

import io

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strictyaml.ruamel import YAML  # type: ignore[import-untyped]  # a YAML 1.2 reader, without types

from seatrial.cluster.yaml_text import to_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"]))  # lone surrogates are no text
VALUES = st.recursive(
    TEXT | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(TEXT, VALUES, max_size=4)


@pytest.mark.simulation
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
@given(DOCUMENTS)
def test_a_manifest_reads_back_as_what_was_written(value: dict[str, object]) -> None:
    text = to_yaml(value)
    assert yaml.safe_load(text) == value
    assert YAML(typ="safe", pure=True).load(io.StringIO(text)) == value


@pytest.mark.parametrize(
    "text", ["1e3", "0o17", "12e5", "yes", "null", "~", "", "2026-11-24", "1:30", "- a", "a: b", "#"]
)
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    written = to_yaml({"value": text})
    assert yaml.safe_load(written) == {"value": text}
    assert YAML(typ="safe", pure=True).load(io.StringIO(written)) == {"value": text}


def test_a_file_in_a_manifest_is_shown_line_by_line() -> None:
    assert to_yaml({"data": {"a.toml": "[a]\nb = 1\n"}}) == "---\ndata:\n  a.toml: |\n    [a]\n    b = 1\n"


def test_a_manifest_holds_no_floats_and_no_nothing() -> None:
    with pytest.raises(TypeError, match="float"):
        to_yaml({"cpu": 0.5})
    with pytest.raises(TypeError, match="NoneType"):
        to_yaml({"cpu": None})
