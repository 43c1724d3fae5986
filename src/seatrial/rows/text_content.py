"""What a file that should be text holds instead, told by its first bytes."""

from __future__ import annotations

from seatrial.errors import InputError
from seatrial.rows.row_file import RowFile

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OTHERS = {b"BZh": "bzip2 data", b"\xfd7zXZ": "xz data", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}
_LEAST_NULS = 0.2  # of the bytes, in text of two bytes a character: half in English, fewer in Chinese


def check_content(file: RowFile, head: bytes) -> None:
    """`InputError` where the content's first bytes are those of something else than UTF-8 text."""
    name = file.path.rpartition("/")[2]
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        raise _encoded(file, "UTF-32", name)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _looks_like_utf16(head):
        raise _encoded(file, "UTF-16", name)
    if head.startswith(_GZIP):
        raise _not_text(file, "gzip data", f"Rename it to {name}.gz.")
    if head.startswith(_ZSTD):
        raise _not_text(file, "zstd data", f"Rename it to {name}.zst.")
    if head.startswith(b"PAR1"):
        raise _not_text(file, "Parquet", "Rename it to end with .parquet.")
    if head.startswith(b"PK\x03\x04"):
        raise _not_text(file, "a ZIP archive (an Excel workbook is one)", "Save the sheet as CSV UTF-8, or unpack it.")
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            raise _not_text(file, kind, "Save or unpack it as UTF-8 text.")


def not_utf8(file: RowFile, *, line: int | None = None) -> InputError:
    """The error of bytes that are no UTF-8, nor anything else that is known by its first bytes."""
    name = file.path.rpartition("/")[2]
    return InputError(
        "the file is not UTF-8.",
        path=file.path,
        line=line,
        hint=f"If it is Windows-1252 or Latin-1: iconv -f CP1252 -t UTF-8 {name} > utf8-{name}.",
    )


def _looks_like_utf16(head: bytes) -> bool:
    """Text without a mark at its beginning: every other byte of most characters is 0."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    least = _LEAST_NULS * len(head)
    return len(head) > 1 and max(even, odd) >= least and min(even, odd) * 4 < max(even, odd)


def _encoded(file: RowFile, encoding: str, name: str) -> InputError:
    return InputError(
        f"the file is {encoding}, not UTF-8.",
        path=file.path,
        hint=f"Save it as UTF-8: iconv -f {encoding} -t UTF-8 {name} > utf8-{name}.",
    )


def _not_text(file: RowFile, content: str, hint: str) -> InputError:
    return InputError(f"the file holds {content}, not text.", path=file.path, hint=hint)
