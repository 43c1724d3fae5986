"""The Containerfiles, as files to look at. After a wanted change, run once with SEATRIAL_WRITE_GOLDEN=1."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.deploy.images.containerfile import ImageContents, render_containerfile

GOLDEN = Path(__file__).parent.parent / "golden_images"
STEPS = ImageContents("steps", "census", "3.11", "0.1.0", from_wheel=True, java=True, torch="2.9.0", torch_build="cpu")
CASES = {
    "steps.Containerfile": STEPS,
    "steps-without-java.Containerfile": ImageContents("steps", "ships", "3.12", "0.1.0", from_wheel=False),
    "serve.Containerfile": ImageContents("serve", "census", "3.11", "0.1.0", from_wheel=True),
}


@pytest.mark.parametrize("name", CASES)
def test_containerfiles_are_the_ones_on_record(name: str) -> None:
    text = render_containerfile(CASES[name])
    if os.environ.get("SEATRIAL_WRITE_GOLDEN"):
        (GOLDEN / name).write_text(text)
        pytest.skip(f"written, not compared: {GOLDEN / name}")
    assert text == (GOLDEN / name).read_text()


def test_the_base_has_the_python_of_the_project() -> None:
    assert "ARG BASE=debian:12-slim\n" in render_containerfile(STEPS)
    assert "ARG BASE=python:3.12-slim-bookworm\n" in render_containerfile(CASES["steps-without-java.Containerfile"])


def test_one_line_decides_what_pytorch_runs_on() -> None:
    cpu = render_containerfile(STEPS).splitlines()
    cuda = render_containerfile(replace(STEPS, torch_build="cu128")).splitlines()
    assert [line for line in cpu if line not in cuda] == ["ARG TORCH=cpu"]


def test_every_image_runs_as_a_user_that_is_not_root_and_has_a_name() -> None:
    for contents in CASES.values():
        text = render_containerfile(contents)
        assert "seatrial:x:65532:65532:seatrial:/tmp:" in text
        assert "\nUSER 65532:65532\n" in text.rpartition("\nFROM ")[2]


def test_no_line_is_left_without_its_continuation() -> None:
    """A backslash before an empty line or a new instruction would swallow that instruction."""
    for contents in CASES.values():
        lines = render_containerfile(contents).splitlines()
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if line.endswith("\\"):
                assert following.strip(), line
                assert not following.startswith(("RUN", "COPY", "ENV", "LABEL", "USER", "FROM", "ARG", "#")), line
