from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.serve.http.bodies import BodyReader, inflated
from seatrial.serve.http.messages import HttpError, Request

LIMIT = 1000


def raw_deflate(data: bytes) -> bytes:
    maker = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return maker.compress(data) + maker.flush()


FORMS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


def read(*parts: bytes, wait_s: float = 0.0, timeout_s: float = 30.0, **headers: str) -> bytes:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(wait_s)
        return messages.pop(0)

    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    request = Request("POST", "/", b"", named, receive)
    return asyncio.run(BodyReader(limit_bytes=LIMIT, timeout_s=timeout_s).read(request))


def refused(*parts: bytes, **options: Any) -> tuple[int, str]:
    with pytest.raises(HttpError) as caught:
        read(*parts, **options)
    return caught.value.status, str(caught.value)


@pytest.mark.parametrize("encoding", FORMS)
def test_a_compressed_body_is_inflated(encoding: str) -> None:
    data = FORMS[encoding](b"abc" * 300)
    assert read(data[:5], data[5:], content_encoding=encoding) == b"abc" * 300


def test_deflate_without_its_wrapper_is_inflated_too() -> None:
    assert read(raw_deflate(b"abc" * 300), content_encoding="deflate") == b"abc" * 300


@pytest.mark.parametrize("encoding", FORMS)
def test_a_body_that_inflates_beyond_the_limit_is_a_413(encoding: str) -> None:
    assert read(FORMS[encoding](b"a" * LIMIT), content_encoding=encoding) == b"a" * LIMIT
    assert refused(FORMS[encoding](b"a" * (LIMIT + 1)), content_encoding=encoding)[0] == 413
    assert refused(FORMS[encoding](b"a" * 100_000), content_encoding=encoding)[0] == 413


@pytest.mark.parametrize("encoding", FORMS)
def test_a_damaged_or_cut_body_is_a_400(encoding: str) -> None:
    whole = FORMS[encoding](bytes(range(200)))
    assert refused(whole[:-5], content_encoding=encoding)[0] == 400
    assert refused(b"\x1f\x8b\x08 nothing", content_encoding=encoding)[0] == 400


def test_all_members_of_a_gzip_are_inflated_within_one_limit() -> None:
    assert read(gzip.compress(b"ab") * 3 + gzip.compress(b""), content_encoding="gzip") == b"ababab"
    assert refused(gzip.compress(b"a" * 400) * 3, content_encoding="gzip")[0] == 413
    with pytest.raises(HttpError, match="goes on behind the end"):
        inflated(gzip.compress(b"") * 1025, "gzip", LIMIT)
    pieces = [bytes([place]) * 70_000 for place in range(40)]
    assert inflated(b"".join(gzip.compress(piece, 0) for piece in pieces), "gzip", 2**22) == b"".join(pieces)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, raw_deflate])
def test_anything_behind_the_end_is_a_400(compress: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if compress is gzip.compress else "deflate"
    assert refused(compress(b"abc") + b"x", content_encoding=encoding)[0] == 400


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd"])
def test_another_encoding_is_a_415(encoding: str) -> None:
    status, message = refused(b"", content_encoding=encoding)
    assert (status, encoding in message) == (415, True)


def test_a_length_beyond_the_limit_is_refused_unread() -> None:
    assert refused(content_length=str(LIMIT + 1))[0] == 413
    assert refused(content_length="9" * 5000)[0] == 413


def test_a_body_that_does_not_end_is_a_408() -> None:
    assert refused(b"a", b"b", wait_s=0.1, timeout_s=0.05)[0] == 408


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_whatever_bytes_come_they_are_inflated_or_refused(data: bytes, encoding: str) -> None:
    for body in (data, FORMS[encoding](data)[: len(data)], FORMS[encoding](data)):
        try:
            assert len(inflated(body, encoding, LIMIT)) <= LIMIT
        except HttpError as error:
            if error.status not in (400, 413):
                raise
