"""The tools that build and push images: podman, buildah and docker, one record each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import InputError, TargetError, did_you_mean

BUILD_LIMIT_S = 3600  # PySpark alone is 450 MB to fetch and to unpack
PUSH_LIMIT_S = 1800
Command = list[str]
_WORKING_CONTAINER = f"seatrial-{os.getpid()}"  # two builds of one machine have one each


@dataclass(frozen=True, slots=True)
class Build:
    """One build: what is read, what the image is called, and what differs from the Containerfile's defaults."""

    containerfile: Path
    context: Path
    tag: str
    arguments: Mapping[str, str]  # --build-arg
    options: Sequence[str] = ()  # the tool's own, from whoever calls
    epoch: str | None = None  # SOURCE_DATE_EPOCH: seconds that stand for every time in the image


@dataclass(frozen=True, slots=True)
class Inside:
    """The commands that run something in an image: what has to come before and after it, where the tool needs that."""

    command: Command
    before: Command | None = None
    after: Command | None = None


@dataclass(frozen=True, slots=True)
class Builder:
    """A tool: the commands that build, push and look into an image."""

    name: str
    build: Callable[[Build], Command]
    push: Callable[[str, str, str], tuple[Command, ...]]  # local name, remote name, file for the digest
    inside: Callable[[str, Sequence[str]], Inside]
    digest: Callable[[str, Path], str]  # of the pushed image, from its remote name and that file


def _build_arguments(build: Build) -> Command:
    return [
        *(word for name, value in build.arguments.items() for word in ("--build-arg", f"{name}={value}")),
        *build.options,
        *("--file", str(build.containerfile), "--tag", build.tag, str(build.context)),
    ]


def _timestamp(build: Build) -> Command:
    return [] if build.epoch is None else ["--timestamp", build.epoch]


def _docker_timestamp(build: Build) -> Command:
    if build.epoch is None:
        return ["--load"]
    return ["--output", "type=docker,rewrite-timestamp=true", "--build-arg", f"SOURCE_DATE_EPOCH={build.epoch}"]


def _digest_in_file(_remote: str, digest_file: Path) -> str:
    return digest_file.read_text().strip()


def _docker_digest(remote: str, _digest_file: Path) -> str:
    """Docker keeps the digest that the registry answered with, beside the image."""
    command = ["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", remote]
    listed: list[str] = json.loads(_output(command))
    repository = remote.rpartition(":")[0]
    return next(repo_digest.partition("@")[2] for repo_digest in listed if repo_digest.startswith(f"{repository}@"))


BUILDERS = {
    "podman": Builder(
        "podman",
        build=lambda build: ["podman", "build", *_timestamp(build), *_build_arguments(build)],
        push=lambda local, remote, digest: (["podman", "push", "--digestfile", digest, local, f"docker://{remote}"],),
        inside=lambda image, words: Inside(["podman", "run", "--rm", "--network", "none", image, *words]),
        digest=_digest_in_file,
    ),
    "buildah": Builder(
        "buildah",
        build=lambda build: ["buildah", "build", "--layers", *_timestamp(build), *_build_arguments(build)],
        push=lambda local, remote, digest: (["buildah", "push", "--digestfile", digest, local, f"docker://{remote}"],),
        inside=lambda image, words: Inside(
            ["buildah", "run", _WORKING_CONTAINER, "--", *words],
            before=["buildah", "from", "--name", _WORKING_CONTAINER, "--pull-never", image],
            after=["buildah", "rm", _WORKING_CONTAINER],
        ),
        digest=_digest_in_file,
    ),
    "docker": Builder(
        "docker",
        # Only BuildKit knows the mounts of the Containerfile.
        build=lambda build: ["docker", "buildx", "build", *_docker_timestamp(build), *_build_arguments(build)],
        push=lambda local, remote, _digest: (["docker", "tag", local, remote], ["docker", "push", remote]),
        inside=lambda image, words: Inside(["docker", "run", "--rm", "--network", "none", image, *words]),
        digest=_docker_digest,
    ),
}


def find_builder(name: str | None, *, which: Callable[[str], str | None] = shutil.which) -> Builder:
    """The tool of that name, or the first that is installed; `InputError` where there is none."""
    if name is not None and name not in BUILDERS:
        hint = did_you_mean(name, BUILDERS) or f"Known: {', '.join(BUILDERS)}."
        raise InputError(f'unknown builder "{name}".', path="--builder", hint=hint)
    for builder in BUILDERS.values() if name is None else (BUILDERS[name],):
        if which(builder.name) is not None:
            return builder
    raise InputError(
        f"{' or '.join(BUILDERS) if name is None else name} is not installed: nothing here can build an image.",
        hint="Install podman, or build the Containerfile where there is a builder.",
    )


def build_image(builder: Builder, build: Build) -> None:
    """Builds it; the tool's output goes to stderr. `TargetError` when it fails."""
    _run(builder.build(build), f"{build.containerfile.name} could not be built", BUILD_LIMIT_S)


def push_image(builder: Builder, local: str, remote: str) -> str:
    """Pushes the image and returns the digest that the registry, and so a cluster, knows it by ("sha256:…")."""
    with tempfile.TemporaryDirectory() as folder:
        digest_file = Path(folder) / "digest"
        for command in builder.push(local, remote, str(digest_file)):
            _run(command, f"{remote} could not be pushed", PUSH_LIMIT_S)
        return builder.digest(remote, digest_file)


def output_inside(builder: Builder, image: str, words: Sequence[str]) -> str:
    """What a command prints in the image; it runs without a network."""
    inside = builder.inside(image, words)
    if inside.before is not None:
        _output(inside.before)
    try:
        return _output(inside.command)
    finally:
        if inside.after is not None:
            _output(inside.after)


def _run(command: Command, problem: str, limit_s: int) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=limit_s, check=False, env=dict(os.environ)
        )
    except subprocess.TimeoutExpired:
        raise TargetError(f"{problem}: {command[0]} had not ended after {limit_s} s.") from None
    if done.returncode != 0:
        raise TargetError(
            f"{problem}: {command[0]} ended with status {done.returncode}.", hint="Its output above says why."
        )


def _output(command: Command) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PUSH_LIMIT_S, check=False
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        raise TargetError(f"{command[0]} {command[1]} ended with status {done.returncode}: {last[0]}")
    return done.stdout
