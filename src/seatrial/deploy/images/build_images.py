"""Builds, lists and pushes the images of a project: the doing, where `prepare_images` is the deciding."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.deploy.images import inventory
from seatrial.deploy.images.bill_of_materials import bill_of_materials
from seatrial.deploy.images.builders import Build, Builder, build_image, output_inside, push_image
from seatrial.deploy.images.prepare_images import (
    JARS_FOLDER,
    WHEELS_FOLDER,
    PreparedImage,
    inputs_digest,
    write_jars,
    write_wheel,
)

TAG_LENGTH = 12  # 48 bits of the digest of the inputs


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image on this machine, and where a registry has it."""

    kind: str
    name: str  # localhost/census-steps:1a2b3c4d5e6f
    bill_of_materials: Path
    reference: str | None  # registry.example/census-steps@sha256:…; None: not pushed


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How images are built: the base instead of the Containerfile's, the tool's own options, one time for all files."""

    base: str | None = None
    options: tuple[str, ...] = ()
    epoch: str | None = None  # SOURCE_DATE_EPOCH


def build_and_list(
    image: PreparedImage,
    folder: Path,
    builder: Builder,
    options: BuildOptions,
    *,
    push: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> BuiltImage:
    """Builds the image whose documents are in `folder`, lists what is in it beside them, and pushes it below `push`."""
    contents = image.contents
    if contents.java:
        write_jars(folder / JARS_FOLDER, progress)
    if contents.from_wheel:
        write_wheel(folder / WHEELS_FOLDER)
    tag = inputs_digest(image, folder, base=options.base or contents.base)[:TAG_LENGTH]
    short = f"{contents.project}-{contents.kind}:{tag}"
    name = f"localhost/{short}"
    arguments = {} if options.base is None else {"BASE": options.base}
    containerfile = folder / f"{contents.kind}.Containerfile"
    build_image(builder, Build(containerfile, folder, name, arguments, options.options, options.epoch))
    listed = list_contents(builder, name)
    path = folder / f"{contents.kind}.cdx.json"
    path.write_text(bill_of_materials(listed, image=short, image_id=tag, epoch=options.epoch), encoding="utf-8")
    reference = None
    if push is not None:
        remote = f"{push.rstrip('/')}/{short}"
        reference = f"{remote.rpartition(':')[0]}@{push_image(builder, name, remote)}"
    return BuiltImage(contents.kind, name, path, reference)


def list_contents(builder: Builder, image: str) -> dict[str, Sequence[Sequence[str]]]:
    """What is installed in the image, as its own Python and package manager say."""
    script = Path(inventory.__file__).read_text(encoding="utf-8")
    listed: dict[str, Sequence[Sequence[str]]] = json.loads(output_inside(builder, image, ["python", "-c", script]))
    return listed
