"""Text that a terminal shows as it is: names from data, files and models never drive it. Pure."""

from __future__ import annotations

import unicodedata

# Everything but letters, marks, numbers, punctuation, symbols and spaces: control characters (Cc), bidirectional and
# invisible ones (Cf), halves of surrogate pairs (Cs, what a file name that is not UTF-8 becomes), private and
# unassigned ones (Co, Cn), and the two characters that end a line for Unicode (Zl, Zp).
_ESCAPED = ("C", "Zl", "Zp")


def printable(text: str) -> str:
    r"""One line of text, in which whatever could move a cursor, hide text or begin a new line is spelled out.

    >>> printable("Oslo\nVerdict: PASS")
    'Oslo\\nVerdict: PASS'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character).startswith(_ESCAPED)
        else character
        for character in text
    )
