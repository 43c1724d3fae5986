"""The body of a request: received and inflated within limits of size, time, and of all bodies together."""

from __future__ import annotations

import asyncio
import zlib

from seatrial.serve.http.messages import CLOSE, HttpError, Request

BODY_LIMIT_BYTES = 8 * 2**20
HELD_LIMIT_BYTES = 256 * 2**20  # of all bodies that are being received
TIMEOUT_S = 30.0
_GZIP, _ZLIB, _RAW = 31, zlib.MAX_WBITS, -zlib.MAX_WBITS  # zlib's window bits for each form
_MEMBERS = 1024  # of gzip in one body: each costs some microseconds, however small
_PIECE_BYTES = 64 * 2**10  # what is left of a piece is copied after each member
_ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")


class BodyReader:
    """Receives bodies; knows how much all those that are under way hold."""

    def __init__(self, *, limit_bytes: int = BODY_LIMIT_BYTES, timeout_s: float = TIMEOUT_S) -> None:
        self.limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The body, inflated. An `HttpError`: 408 too slow, 413 too large, 415 an unknown encoding, 429 too many."""
        encoding = _encoding(request)
        self._check_length(request)
        body = await self._receive(request)
        return body if encoding == "identity" else inflated(body, encoding, self.limit_bytes)

    def _check_length(self, request: Request) -> None:
        """Refuses by its header what would be refused by its bytes."""
        length = request.headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self.limit_bytes:
            raise self._too_large()

    async def _receive(self, request: Request) -> bytes:
        message = await _whole(request)
        if message is not None:
            return self._checked(message)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    message = await request.receive()
                    if message["type"] != "http.request":
                        raise HttpError(400, "The client went away.", CLOSE)
                    part = message.get("body", b"")
                    parts.append(part)
                    size += len(part)
                    self._held += len(part)
                    if size > self.limit_bytes:
                        raise self._too_large()
                    if self._held > HELD_LIMIT_BYTES:
                        raise HttpError(
                            429, "The server is receiving too much at once. Try again.", CLOSE, (b"retry-after", b"1")
                        )
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise HttpError(408, f"The body did not come within {self._timeout_s:g} s.", CLOSE) from None
        finally:
            self._held -= size

    def _checked(self, body: bytes) -> bytes:
        if len(body) > self.limit_bytes:
            raise self._too_large()
        return body

    def _too_large(self) -> HttpError:
        # What is left of the body is not read.
        return HttpError(413, f"The body is larger than {self.limit_bytes} bytes. Send fewer rows a request.", CLOSE)


async def _whole(request: Request) -> bytes | None:
    """The body, if it has come already: most are small, and a time limit for each would cost as much as reading it."""
    connection = request.connection
    if connection is None or not connection.body_is_complete:
        return None
    message = await request.receive()
    return None if message["type"] != "http.request" or message.get("more_body") else message["body"]


def inflated(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """What `body` was compressed from, at most `limit_bytes` of it: more is a 413, and whatever is damaged a 400.

    gzip may have several members, whose contents follow each other.
    """
    bits = _GZIP if encoding in ("gzip", "x-gzip") else _ZLIB
    if bits == _ZLIB and not _is_zlib(body):
        bits = _RAW  # what some clients mean by deflate (RFC 9110, section 8.4.1.2)
    inflater, members, whole = zlib.decompressobj(bits), 1, bytearray()
    for start in range(0, len(body), _PIECE_BYTES):
        piece = body[start : start + _PIECE_BYTES]
        while piece:
            if inflater.eof:
                members += 1  # RFC 1952, section 2.2: one after the other
                if bits != _GZIP or members > _MEMBERS:
                    raise HttpError(400, f"The body goes on behind the end of its {encoding}.")
                inflater = zlib.decompressobj(bits)
            try:
                whole += inflater.decompress(piece, limit_bytes + 1 - len(whole))
            except zlib.error:
                raise HttpError(400, f"The body is not {encoding}, as its Content-Encoding says.") from None
            if len(whole) > limit_bytes:
                raise HttpError(413, f"The body inflates to more than {limit_bytes} bytes. Send fewer rows a request.")
            piece = inflater.unused_data
    if not inflater.eof:
        raise HttpError(400, f"The body ends before its {encoding} does.")
    return bytes(whole)


def _is_zlib(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0  # RFC 1950, 2.2


def _encoding(request: Request) -> str:
    encoding = (request.text_header(b"content-encoding") or "identity").lower()
    if encoding not in _ENCODINGS:
        raise HttpError(415, f"The content encoding {encoding!r:.40} is not taken. Use gzip, deflate or none.", CLOSE)
    return encoding
