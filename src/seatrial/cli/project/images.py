"""`seatrial images`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile
from seatrial.cli.output import print_json, print_lines


def command(
    *,
    output: Annotated[
        Path | None, Parameter(help="The folder of the Containerfiles and all that a build reads. [default: images]")
    ] = None,
    build: Annotated[
        tuple[Literal["steps", "serve"], ...],
        Parameter(help="Build this image too. May be repeated.", negative="", show_default=False),
    ] = (),
    push: Annotated[
        str | None,
        Parameter(help="Push what was built below this registry or folder of it: registry.example/team."),
    ] = None,
    base: Annotated[str | None, Parameter(help="Another base than the Containerfile's: an image with apt-get.")] = None,
    torch: Annotated[
        str | None,
        Parameter(
            help="What PyTorch runs on: cpu, cu128, … or pypi. Without it, as the PyTorch that is installed here."
        ),
    ] = None,
    builder: Annotated[str | None, Parameter(help="podman, buildah or docker; without it, the first there is.")] = None,
    build_option: Annotated[
        tuple[str, ...],
        Parameter(
            help="An option for the builder: --build-option=--network=host. May be repeated.",
            negative="",
            show_default=False,
            allow_leading_hyphen=True,
        ),
    ] = (),
    jars: Annotated[
        Path | None, Parameter(help="Only write the jars that Spark and a PostgreSQL catalog need into this folder.")
    ] = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Write the Containerfiles of the project's images, of its steps and of its service; --build and --push do so.

    The image is the environment: packages, Java, jars. The project's code is not in it, and travels with each run. With
    --push and --profile, the digest of the steps' image is written into the profile. SOURCE_DATE_EPOCH makes two builds
    equal.

    For example:

        seatrial images
        seatrial images --build steps --push registry.example/team --profile prod
        seatrial images --jars jars
    """
    from seatrial.deploy.images.prepare_images import prepare_images, write_jars
    from seatrial.deploy.target import write_documents
    from seatrial.errors import InputError
    from seatrial.pipeline.project.project_file import load_project

    def progress(line: str) -> None:
        print_lines(line, file=sys.stderr)

    if jars is not None:
        files = write_jars(jars, progress)
        if json:
            print_json({"jars": [str(file) for file in files]})
        else:
            print_lines(f'{len(files)} jars in {jars}. In an image: spark = {{ jars = "FOLDER" }} in its profile.')
        return 0
    if push is not None and not build:
        raise InputError(
            "only what is built can be pushed.", path="--push", hint="Add --build steps, or --build serve."
        )
    project = load_project(directory)
    if profile != "local" and profile not in project.profiles:
        raise InputError(f"there is no [profile.{profile}].", path=project.path, hint=f"Add [profile.{profile}].")
    prepared = prepare_images(project, torch_build=torch)
    folder = output or directory / "images"
    documents = [document for image in prepared for document in image.documents]
    write_documents(documents, folder)
    built = []
    written = False
    if build:
        from seatrial.deploy.images.build_images import BuildOptions, build_and_list
        from seatrial.deploy.images.builders import find_builder
        from seatrial.deploy.images.profile_image import write_image

        tool = find_builder(builder)
        options = BuildOptions(base, build_option, os.environ.get("SOURCE_DATE_EPOCH"))
        chosen = [image for image in prepared if image.contents.kind in build]
        built = [build_and_list(image, folder, tool, options, push=push, progress=progress) for image in chosen]
        reference = next((image.reference for image in built if image.kind == "steps"), None)
        if reference is not None and profile != "local":
            written = write_image(Path(project.path), profile, reference)
    if json:
        print_json(
            {
                "documents": [str(folder / document.path) for document in documents],
                "images": [
                    {
                        "kind": image.kind,
                        "name": image.name,
                        "image": image.reference,
                        "bill_of_materials": str(image.bill_of_materials),
                    }
                    for image in built
                ],
                "written": written,
            }
        )
        return 0
    print_lines(*(folder / document.path for document in documents))
    for image in built:
        print_lines(f"{image.kind}: {image.name}; what is in it: {image.bill_of_materials}")
        if image.reference is not None:
            print_lines(f'image = "{image.reference}"')
    call = Call(profile=profile, directory=directory)
    if written:
        print_lines(f"Written into [profile.{profile}].", f"Next: {call.then('doctor')}")
    elif any(image.reference for image in built):
        print_lines("Next: put that line into a [profile.X] of seatrial.toml.")
    elif built:
        print_lines(f"Next: {call.then('images', *_again(build), '--push', 'REGISTRY')}")
    else:
        print_lines(f"Next: {call.then('images', '--build', 'steps')}")
    return 0


def _again(build: tuple[str, ...]) -> list[str]:
    return [word for kind in build for word in ("--build", kind)]
