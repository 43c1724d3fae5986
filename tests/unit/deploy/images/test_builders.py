"""The commands of podman, buildah and docker, and which is chosen. Programs of these names stand in for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.deploy.images.builders import BUILDERS, Build, build_image, find_builder, output_inside, push_image
from seatrial.errors import InputError, TargetError

pytestmark = pytest.mark.simulation  # it starts processes

DIGEST = f"sha256:{'ab' * 32}"
# Writes down what it was called with; answers as each of the tools does.
PROGRAM = """#!/bin/sh
echo "$(basename $0) $*" >>"$CALLS"
case "$*" in
  *broken*) echo "no space left on device" >&2; exit 3 ;;
  push*--digestfile*) echo "DIGEST" >"$3" ;;
  "image inspect"*) echo '["other.example/x@sha256:00","registry.example:5000/team/ships-steps@DIGEST"]' ;;
  run*) echo inside ;;
esac
""".replace("DIGEST", DIGEST)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in BUILDERS:
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def build(tag: str = "localhost/ships-steps:1") -> Build:
    return Build(Path("images/steps.Containerfile"), Path("images"), tag, {"BASE": "debian:12"}, ("--pull=never",), "7")


def test_the_first_tool_there_is_builds_unless_one_is_named() -> None:
    assert find_builder(None, which=lambda name: name if name != "podman" else None).name == "buildah"
    assert find_builder("docker", which=str).name == "docker"


def test_without_a_tool_the_way_out_is_named() -> None:
    with pytest.raises(InputError, match=r"podman or buildah or docker is not installed.* Install podman"):
        find_builder(None, which=lambda _: None)
    with pytest.raises(InputError, match=r'unknown builder "podmann".* Did you mean "podman"'):
        find_builder("podmann", which=str)


@pytest.mark.parametrize("name", BUILDERS)
def test_each_tool_gets_the_base_the_time_and_the_callers_options(name: str, calls: Path) -> None:
    build_image(BUILDERS[name], build())
    (call,) = calls.read_text().splitlines()
    assert "--build-arg BASE=debian:12 --pull=never" in call
    assert call.endswith("--file images/steps.Containerfile --tag localhost/ships-steps:1 images")
    assert ("--build-arg SOURCE_DATE_EPOCH=7" if name == "docker" else "--timestamp 7") in call


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.usefixtures("calls")
def test_a_push_gives_the_digest_that_the_registry_knows(name: str) -> None:
    remote = "registry.example:5000/team/ships-steps:1"
    assert push_image(BUILDERS[name], "localhost/ships-steps:1", remote) == DIGEST


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.usefixtures("calls")
def test_a_command_runs_inside_the_image(name: str) -> None:
    assert output_inside(BUILDERS[name], "localhost/ships-steps:1", ["python", "-V"]) == "inside\n"


@pytest.mark.usefixtures("calls")
def test_a_build_that_fails_names_the_file_and_the_tool() -> None:
    with pytest.raises(TargetError, match=r"steps.Containerfile could not be built: podman ended with status 3\."):
        build_image(BUILDERS["podman"], build(tag="broken"))
    with pytest.raises(TargetError, match="no space left on device"):
        output_inside(BUILDERS["podman"], "broken", ["true"])
