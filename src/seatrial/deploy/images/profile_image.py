"""Writes an image into a profile of seatrial.toml, and leaves every other character as it is."""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from pathlib import Path

from seatrial.stores.toml_positions import read_toml

_VALUE = re.compile(r"""^(\s*image\s*=\s*)("[^"\n]*"|'[^'\n]*')""")


def write_image(path: Path, profile: str, image: str) -> bool:
    """Writes the image into the profile of that file; False where nothing else could be left as it is."""
    written = with_image(path.read_bytes().decode(), profile, image)
    if written is not None:
        path.write_bytes(written.encode())
    return written is not None


def with_image(text: str, profile: str, image: str) -> str | None:
    """The text of seatrial.toml with `image` in `[profile.PROFILE]`; None where that table has another form.

    >>> print(with_image('[profile.prod]  # ours\\nimage = "old"  # by CI\\n', "prod", "new@sha256:1"), end="")
    [profile.prod]  # ours
    image = "new@sha256:1"  # by CI
    >>> with_image('profile = { prod = { image = "old" } }\\n', "prod", "new@sha256:1") is None
    True
    """
    document, positions = read_toml(text, "seatrial.toml")
    lines = text.splitlines(keepends=True)
    if (line := positions.get(("profile", profile, "image"))) is not None:
        lines[line - 1] = _VALUE.sub(lambda match: match[1] + json.dumps(image), lines[line - 1])
    elif (header := _header(lines, profile)) is not None:
        ending = "\r\n" if lines[header].endswith("\r\n") else "\n"
        lines[header] = lines[header].removesuffix("\n").removesuffix("\r") + ending
        lines.insert(header + 1, f"image = {json.dumps(image)}{ending}")
    expected = deepcopy(document)
    table = expected.get("profile", {}).get(profile)
    if not isinstance(table, dict):
        return None
    table["image"] = image
    written = "".join(lines)
    try:
        return written if tomllib.loads(written) == expected else None
    except tomllib.TOMLDecodeError:
        return None


def _header(lines: list[str], profile: str) -> int | None:
    """The place of the line `[profile.NAME]` among the lines."""
    names = "|".join(re.escape(form) for form in (profile, f'"{profile}"', f"'{profile}'"))
    header = re.compile(rf"\s*\[\s*profile\s*\.\s*(?:{names})\s*\]\s*(?:#.*)?")
    return next((place for place, line in enumerate(lines) if header.fullmatch(line.rstrip("\r\n"))), None)
