"""The Containerfiles of a project's images, as text: pure, so that what people commit is what is built.

Both are one template with the same stages. `system` is what the base lacks, `packages` the lock in a virtual
environment, and the last stage copies that. Seatrial itself comes in a layer of its own: it changes most often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seatrial.cluster.restricted_pod import SCRATCH_FOLDER, USER
from seatrial.prepare.session import IMAGE_JARS

Kind = Literal["steps", "serve"]

PREFIX = "/opt/seatrial"  # the virtual environment
JARS = "/opt/jars"
BASE_OF_PYTHON = {"3.11": "debian:12-slim"}  # Debian 12 is the last with a JRE 17; its own Python is 3.11
TORCH_INDEX = "https://download.pytorch.org/whl"
# Of the packages that serving needs, what it never loads: 80 MB, measured with what is compiled of it.
UNUSED_IN_SERVICE = (
    "pyarrow/tests",
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*flight*",
    "pyarrow/*parquet_encryption*",
    "pyarrow/*_orc.*",  # libarrow_substrait stays: pyarrow.lib is linked with it
    "pyarrow/*.pyx",
    "pyarrow/*.pxi",
    "pyarrow/*.pxd",
    "pyarrow/libarrow_python.so",  # a wheel has no links: three copies of one library, of which one is loaded
    "pyarrow/libarrow_python.so.*.*",
    "onnxruntime/capi/libonnxruntime.so*",  # for C programs; Python's module has all of it in itself
    "onnxruntime/transformers",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/datasets",
    "onnx/reference",
    "onnx/backend/test",
    "numpy/tests",
    "numpy/*/tests",
    "numpy/f2py",
)
# Libraries with symbols that only a debugger or a linker reads: 22 MB.
STRIPPED_IN_SERVICE = ("pyarrow/*.so*", "obstore/*.so", "cryptography/hazmat/bindings/*.so", "uvloop/*.so")
# Imported when the image is built, so that a package which moved its files fails there and not in a pod.
SERVING_MODULES = ("seatrial.cli.release.serve", "seatrial.serve.model_server", "seatrial.pipeline.open_release")


@dataclass(frozen=True, slots=True)
class ImageContents:
    """What an image is made of, beside its base and the lock in requirements-KIND.txt."""

    kind: Kind
    project: str
    python: str  # "3.11": the minor version enters the keys of steps
    seatrial: str  # its version
    from_wheel: bool  # Seatrial is not the released one: its wheel is in the folder `wheels`
    java: bool = False
    torch: str | None = None  # its version; it is in no requirements file, since its index decides what it runs on
    torch_build: str = "pypi"  # "cpu", "cu128", … of PyTorch's own index, or "pypi"

    @property
    def requirements(self) -> str:
        """The name of the lock beside the Containerfile."""
        return f"requirements-{self.kind}.txt"

    @property
    def base(self) -> str:
        """The base that has this Python, or gets it from its own packages."""
        return BASE_OF_PYTHON.get(self.python, f"python:{self.python}-slim-bookworm")


def render_containerfile(contents: ImageContents) -> str:
    """The Containerfile, for podman, buildah and docker (BuildKit)."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("seatrial.deploy.images"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    site_packages = f"{PREFIX}/lib/python{contents.python}/site-packages"
    return environment.get_template("Containerfile.jinja").render(
        kind=contents.kind,
        project=contents.project,
        python=contents.python,
        from_wheel=contents.from_wheel,
        java=contents.java,
        torch=contents.torch,
        torch_build=contents.torch_build,
        torch_index=TORCH_INDEX,
        base=contents.base,
        requirements=contents.requirements,
        purpose=_purpose(contents),
        beside=_files_beside(contents),
        prefix=PREFIX,
        site_packages=site_packages,
        jars=JARS,
        unused=UNUSED_IN_SERVICE,
        stripped=STRIPPED_IN_SERVICE,
        serving_modules=SERVING_MODULES,
        user=USER,
        variables=[f"{name}={value}" for name, value in _variables(contents).items()],
        labels=[f'{name}="{value}"' for name, value in _labels(contents).items()],
    )


def _purpose(contents: ImageContents) -> str:
    if contents.kind == "serve":
        return "Serves the releases of a Seatrial project"
    return f"The environment of the steps of {contents.project}, whose code travels with each run"


def _files_beside(contents: ImageContents) -> list[str]:
    wheels = ["wheels/ (Seatrial's)"] if contents.from_wheel else []
    jars = ["jars/ (seatrial images --jars jars)"] if contents.java else []
    return [contents.requirements, *wheels, *jars]


def _variables(contents: ImageContents) -> dict[str, str]:
    java = {
        "JAVA_HOME": "/opt/java",
        "SPARK_HOME": "/opt/spark",
        "PYSPARK_PYTHON": f"{PREFIX}/bin/python",
        IMAGE_JARS: JARS,
    }
    return {
        "PATH": f"{PREFIX}/bin:/usr/local/bin:/usr/bin:/bin",
        **(java if contents.java else {}),
        "HOME": SCRATCH_FOLDER,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",  # the root is read-only
    }


def _labels(contents: ImageContents) -> dict[str, str]:
    return {
        "org.opencontainers.image.title": f"{contents.project}-{contents.kind}",
        "org.opencontainers.image.description": _purpose(contents),
        "org.opencontainers.image.base.name": "${BASE}",
        "io.seatrial.version": contents.seatrial,
        "io.seatrial.python": contents.python,
    }
