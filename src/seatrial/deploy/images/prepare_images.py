"""From a project to what its images are built from: Containerfiles and locks, jars and the wheel of Seatrial."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import distribution, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.markers import default_environment

from seatrial.deploy.images.containerfile import ImageContents, Kind, render_containerfile
from seatrial.deploy.images.locked_packages import LockedPackage, close_over, require_packages
from seatrial.deploy.images.project_lock import ProjectLock, find_lock
from seatrial.deploy.images.project_needs import NOT_IN_PODS, project_needs
from seatrial.deploy.target import Document
from seatrial.errors import InputError, StepFailed
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.steps.graph import module_file
from seatrial.pipeline.steps.load_pipeline import project_steps
from seatrial.prepare.jars import POSTGRESQL, SPARK, fetch_jars
from seatrial.stores.documents import sha256

KINDS: tuple[Kind, ...] = ("steps", "serve")
JARS_FOLDER, WHEELS_FOLDER = "jars", "wheels"
WHEEL_LIMIT_S = 300
_CUDA = ("nvidia-", "cuda-", "triton")  # what PyPI's torch brings along on Linux; the index that it comes from decides


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """The sources of one image."""

    contents: ImageContents
    packages: tuple[LockedPackage, ...]
    lock: Path | None  # the project's own; None: the versions are those installed here

    @property
    def documents(self) -> tuple[Document, ...]:
        """The files that people commit."""
        came_from = "what is installed here" if self.lock is None else self.lock.name
        head = f"# Of {came_from}, closed over dependencies. Written by `seatrial images`.\n"
        lines = "".join(f"{package.requirement}\n" for package in self.packages)
        return (
            Document(f"{self.contents.kind}.Containerfile", render_containerfile(self.contents)),
            Document(self.contents.requirements, head + lines),
        )


def prepare_images(project: Project, *, torch_build: str | None = None) -> tuple[PreparedImage, ...]:
    """The sources of the project's images. `torch_build` ("cpu", "cu128", "pypi"): other than what is installed here.

    Raises `InputError` naming what is not installed, or what the project's own lock lacks.
    """
    environment = linux_environment()
    steps = list(project_steps(project).values())
    module = module_file(project.directory, project.pipeline)
    needs = project_needs(steps, project.profiles, module, project.directory)
    lock = find_lock(project.directory, environment=environment)
    from_wheel = seatrial_source() is not None
    of_steps = _packages(needs.roots, lock, environment, from_wheel=from_wheel)
    of_serve = _packages(("seatrial",), lock, environment, from_wheel=from_wheel)
    if lock is not None:  # a step's code may import by computed names: its lock is taken whole
        of_steps = tuple(package for package in lock.packages if not _stays_out(package.name, from_wheel=from_wheel))
    torch = next((package.version for package in of_steps if package.name == "torch"), None)
    contents = ImageContents(
        kind="steps",
        project=project.name,
        python=environment["python_version"],
        seatrial=version("seatrial"),
        from_wheel=from_wheel,
        java=needs.java,
    )
    steps_contents = contents
    if torch is not None:
        release, _, local = torch.partition("+")
        steps_contents = replace(contents, torch=release, torch_build=torch_build or local or "pypi")
        of_steps = tuple(package for package in of_steps if package.name != "torch")
    path = None if lock is None else lock.path
    return (
        PreparedImage(steps_contents, of_steps, path),
        PreparedImage(replace(contents, kind="serve", java=False), of_serve, path),
    )


def linux_environment() -> Mapping[str, str]:
    """The marker environment of the image: this Python and processor, on Linux."""
    here = {name: str(value) for name, value in default_environment().items()}
    return here | {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}


def _packages(
    roots: Sequence[str], lock: ProjectLock | None, environment: Mapping[str, str], *, from_wheel: bool
) -> tuple[LockedPackage, ...]:
    """What `roots` need, at the versions of the lock where there is one."""

    def without(name: str) -> bool:
        return name in NOT_IN_PODS or name.startswith(_CUDA)

    needed = tuple(
        package
        for package in close_over(roots, environment=environment, without=without)
        if not _stays_out(package.name, from_wheel=from_wheel)
    )
    if lock is None:
        return needed
    require_packages(lock.packages, needed, path=str(lock.path), command=lock.add_command)
    names = {package.name for package in needed}
    return tuple(package for package in lock.packages if package.name in names)


def _stays_out(name: str, *, from_wheel: bool) -> bool:
    return name in NOT_IN_PODS or name.startswith(_CUDA) or (from_wheel and name == "seatrial")


def seatrial_source() -> Path | None:
    """The checkout or wheel that Seatrial was installed from; None: it is the released one, and any index has it."""
    text = distribution("seatrial").read_text("direct_url.json")
    if text is None:
        return None
    return Path(unquote(urlsplit(json.loads(text)["url"]).path))


def write_jars(folder: Path, progress: Callable[[str], None] | None = None) -> tuple[Path, ...]:
    """Writes the jars that Spark and a PostgreSQL catalog need into `folder`, in place of the jars there.

    Raises `StepFailed` where they have to be fetched and cannot be.
    """
    files = fetch_jars((SPARK, POSTGRESQL), progress=progress)
    _emptied(folder, "*.jar")
    written = tuple(Path(shutil.copyfile(file, folder / file.name)) for file in files)
    for path in written:
        path.chmod(0o644)  # read by the user of the pod, whatever the umask here
    return written


def write_wheel(folder: Path) -> Path | None:
    """Writes Seatrial's wheel into `folder` where a checkout or a wheel was installed; None for the released one."""
    source = seatrial_source()
    if source is None:
        return None
    _emptied(folder, "seatrial-*.whl")
    if source.suffix == ".whl" and source.is_file():
        return Path(shutil.copyfile(source, folder / source.name))
    if not (source / "pyproject.toml").is_file():
        raise InputError(
            "Seatrial was installed from here, and it is not there any more.",
            path=str(source),
            hint="Install a released one: pip install seatrial.",
        )
    if find_spec("pip") is not None:
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            str(folder),
            str(source),
        ]
    else:  # uv's environments have no pip
        command = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=WHEEL_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StepFailed(
            f"Seatrial's wheel could not be built: {error}", path=str(source), hint="Install pip or uv here."
        ) from None
    return next(folder.glob("seatrial-*.whl"))


def inputs_digest(image: PreparedImage, folder: Path, *, base: str) -> str:
    """Of all that the image is built from: the same inputs have the same tag."""
    files = sorted(path for name in _folders_of(image.contents) for path in (folder / name).iterdir())
    parts = [base, *(document.text for document in image.documents)]
    parts += [f"{path.name} {sha256(path.read_bytes())}" for path in files]
    return sha256("\0".join(parts).encode())


def _folders_of(contents: ImageContents) -> tuple[str, ...]:
    return (*((WHEELS_FOLDER,) if contents.from_wheel else ()), *((JARS_FOLDER,) if contents.java else ()))


def _emptied(folder: Path, pattern: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(pattern):
        old.unlink()
