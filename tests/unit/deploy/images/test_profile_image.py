"""Writing an image into a profile: that line and no other character."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.deploy.images.profile_image import with_image, write_image

NEW = f"registry.example/ships-steps@sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[profile.prod]\nimage   = "old"   # by CI\n', f'[profile.prod]\nimage   = "{NEW}"   # by CI\n'),
        (
            "[profile.prod] # ours\n# next\ncatalog = 'x'\n",
            f"[profile.prod] # ours\nimage = \"{NEW}\"\n# next\ncatalog = 'x'\n",
        ),
        ("[profile.prod]", f'[profile.prod]\nimage = "{NEW}"\n'),
        ("a = 1\r\n[profile.'prod']\r\nb = 2\r\n", f"a = 1\r\n[profile.'prod']\r\nimage = \"{NEW}\"\r\nb = 2\r\n"),
        (
            '[profile.prod]\nx = """\n[profile.prod]\n"""\n',
            f'[profile.prod]\nimage = "{NEW}"\nx = """\n[profile.prod]\n"""\n',
        ),
    ],
)
def test_only_the_image_changes(before: str, after: str) -> None:
    assert with_image(before, "prod", NEW) == after


@pytest.mark.parametrize(
    "text",
    [
        'profile.prod = { image = "old" }\n',
        '[profile]\nprod.image = """old"""\n',
        "[profile.test]\n",
        'x = """\n[profile.prod]\n"""\n[profile]\nprod = {}\n',
    ],
)
def test_another_form_is_left_alone(text: str, tmp_path: Path) -> None:
    assert with_image(text, "prod", NEW) is None
    (tmp_path / "seatrial.toml").write_text(text)
    assert not write_image(tmp_path / "seatrial.toml", "prod", NEW)
    assert (tmp_path / "seatrial.toml").read_text() == text
