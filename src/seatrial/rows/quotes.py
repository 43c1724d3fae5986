"""Whether the quotes of a delimited file close: Arrow takes what follows an unclosed one, to the end, as one value.

Arrow opens a quote at the beginning of a value only, takes two quotes within one as a quote, and takes text behind the
closing quote as more of the value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_QUOTE, _NEWLINE, _RETURN = b'"'[0], b"\n"[0], b"\r"[0]


class UnclosedQuote(Exception):
    """A quote that opens on this line is not closed where a value can end."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class QuoteCheck:
    """A stream of bytes, passed on as it is read; knows whether the quotes in it close.

    Two checks a quote, without Python's help where they all stand as they should: an opening one behind a delimiter or
    at the beginning of a line, a closing one before either. Only what differs is followed quote by quote.
    """

    def __init__(self, stream: Any, delimiter: str) -> None:
        self._stream = stream
        self._breaks = np.zeros(256, np.bool_)
        self._breaks[[ord(delimiter), _NEWLINE, _RETURN]] = True
        self._carry = b""  # quotes at the end of what was read: what follows them is not known yet
        self._before = _NEWLINE  # the byte before the carried ones
        self._open_line: int | None = None  # the line of the quote that is open
        self._newlines = self._returns = 0
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """The next bytes; raises `UnclosedQuote` at the end of a file whose last quote is open."""
        data: bytes = self._stream.read(size)
        if not data:
            self._follow(self._carry, after=_NEWLINE)
            self._carry = b""
            if self._open_line is not None:
                raise UnclosedQuote(self._open_line)
            return data
        whole = self._carry + data
        complete = whole.rstrip(b'"')
        self._carry = whole[len(complete) :]
        if complete:
            self._follow(complete, after=_QUOTE if self._carry else _NEWLINE)
        return data

    def readable(self) -> bool:
        """As of a file."""
        return True

    def close(self) -> None:
        """As of a file."""
        self.closed = True

    def _line(self, more: bytes = b"") -> int:
        newlines, returns = self._newlines + more.count(b"\n"), self._returns + more.count(b"\r")
        return 1 + (newlines or returns)

    def _follow(self, data: bytes, *, after: int) -> None:
        """Goes through the quotes in these bytes, which `after` follows."""
        if b'"' in data:
            held = np.frombuffer(data, np.uint8)
            quotes = np.flatnonzero(held == _QUOTE)
            if not self._all_in_place(held, quotes, after):
                self._step(data, quotes.tolist(), after)
            else:
                self._open_line = self._line_of_last(data, quotes.tolist())
        if data:
            self._before = data[-1]
        self._newlines += data.count(b"\n")
        self._returns += data.count(b"\r")

    def _all_in_place(self, held: Any, quotes: Any, after: int) -> bool:
        before = np.where(quotes > 0, held[quotes - 1], self._before)
        behind = np.where(quotes + 1 < len(held), held[np.minimum(quotes + 1, len(held) - 1)], after)
        opening = np.arange(len(quotes)) % 2 == (0 if self._open_line is None else 1)
        beside = np.where(opening, before, behind)
        return bool((self._breaks[beside] | (beside == _QUOTE)).all())

    def _line_of_last(self, data: bytes, quotes: list[int]) -> int | None:
        """Of the quote that is open after these, all in place; None where none is."""
        if (len(quotes) + (self._open_line is not None)) % 2 == 0:
            return None
        last = len(quotes) - 1
        while last >= 1 and quotes[last] == quotes[last - 1] + 1:  # two are a quote within the value
            last -= 2
        return self._open_line if last < 0 else self._line(data[: quotes[last]])

    def _step(self, data: bytes, quotes: list[int], after: int) -> None:
        skip = -1
        for at in quotes:
            if at == skip:
                continue
            if self._open_line is None:
                if self._breaks[data[at - 1] if at else self._before]:
                    self._open_line = self._line(data[:at])
                continue
            behind = data[at + 1] if at + 1 < len(data) else after
            if behind == _QUOTE:
                skip = at + 1
                continue
            # Text behind a closing quote, lines after the opening one: that quote was another value's.
            if not self._breaks[behind] and self._line(data[:at]) > self._open_line:
                raise UnclosedQuote(self._open_line)
            self._open_line = None
