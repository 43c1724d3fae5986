from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.models.finished.xgboost.ubjson import read_ubjson


def written(value: Any) -> bytes:
    """The value as UBJSON, by the specification and not by the reader."""
    if value is None or isinstance(value, bool):
        return {None: b"Z", True: b"T", False: b"F"}[value]
    if isinstance(value, int):
        return b"L" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"D" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"S" + text(value)
    if isinstance(value, list):
        return b"[" + b"".join(written(item) for item in value) + b"]"
    return b"{" + b"".join(text(key) + written(item) for key, item in value.items()) + b"}"


def text(value: str) -> bytes:
    data = value.encode()
    return b"l" + struct.pack(">i", len(data)) + data


numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
documents = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(documents)
def test_what_was_written_is_read(value: Any) -> None:
    assert read_ubjson(written(value)) == value


@given(st.dictionaries(st.text(), documents, max_size=3), st.data())
def test_a_file_that_is_cut_off_says_so(value: dict[str, Any], data: st.DataObject) -> None:
    whole = written(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="byte"):
        read_ubjson(whole[:cut])


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_an_error_of_one_kind(data: bytes) -> None:
    try:
        read_ubjson(data)
    except ValueError as error:
        assert str(error)  # noqa: PT017  # either outcome is right; another exception is not


@pytest.mark.parametrize(("marker", "kind"), [("i", ">i1"), ("U", ">u1"), ("l", ">i4"), ("d", ">f4"), ("D", ">f8")])
def test_an_array_of_one_type_becomes_numbers_of_that_type(marker: str, kind: str) -> None:
    values = np.array([1, 2, 3], kind)
    found = read_ubjson(b"[$" + marker.encode() + b"#i\x03" + values.tobytes())
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.dtype(kind).newbyteorder("=")
    assert found.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"[#L\x7f\xff\xff\xff\xff\xff\xff\xff", "longer than the file"),
        (b"[$l#L\x00\x00\x00\x00\x00\x00\x00\x09", "ends in the middle"),
        (b"[$S#i\x01", "no type of numbers"),
        (b"[$i]", "a type and no length"),
        (b"TT", "something behind its end"),
        (b"S\x54", "where a length belongs"),
        (b"Si\x02\xff\xfe", "not UTF-8"),
        (b"[" * 100, "nested more than 64 deep"),
        (b"N", "starts no value"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_ubjson(data)
