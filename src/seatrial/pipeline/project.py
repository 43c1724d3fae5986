"""`seatrial.toml`, read into the settings of each room; every mistake in it at once, with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from seatrial.errors import InputError, Problems, SeatrialError
from seatrial.models.signature import Task
from seatrial.pipeline.graph import did_you_mean
from seatrial.pipeline.steps import Parameter
from seatrial.stores.toml_positions import line_of, read_toml
from seatrial.verdicts.policy import Policy

FILE_NAME = "seatrial.toml"
LEGAL_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")  # also a bucket prefix, an Iceberg namespace, a DNS label


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """`[project]`. `pipeline` is the module whose steps these are."""

    name: str
    pipeline: str = "pipeline"


@dataclass(frozen=True, slots=True)
class DataSettings:
    """`[data]`: steps' outputs by role, and what the columns mean."""

    test: str
    validation: str
    label: str
    task: Task
    calibration: str | None = None
    positive: str | None = None
    groups: tuple[str, ...] = ()
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`[model] from`: the step that trains."""

    from_: str


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """`[profile.X] store`. `credentials` is "env", or a reference for each half of the key pair."""

    url: str
    endpoint: str | None = None
    credentials: str | Mapping[str, str] | None = None
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class SparkChoice:
    """`[profile.X] spark`."""

    master: str = "local[*]"
    executors: int | None = None
    memory: str = "2g"
    jars: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """`[profile.X]`: where it runs. Without a store: the embedded one; without a catalog: SQLite."""

    store: StoreChoice | None = None
    catalog: str | None = None
    spark: SparkChoice = field(default_factory=SparkChoice)
    image: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    project: ProjectSettings
    data: DataSettings | None = None
    model: ModelSettings | None = None
    params: Mapping[str, Mapping[str, Parameter]] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    profile: Mapping[str, ProfileSettings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its folder, and what its `seatrial.toml` says."""

    directory: Path
    name: str
    pipeline: str
    data: DataSettings | None
    model: str | None
    parameters: Mapping[str, Mapping[str, Parameter]]
    policy: Policy
    profiles: Mapping[str, ProfileSettings]

    @property
    def path(self) -> str:
        """The file that says so."""
        return str(self.directory / FILE_NAME)


def load_project(directory: Path) -> Project:
    """Reads `seatrial.toml` of a folder; `Problems` lists every mistake in it."""
    path = directory / FILE_NAME
    if not path.is_file():
        raise InputError(
            f"there is no {FILE_NAME} here.",
            path=str(directory.resolve()),
            mend="Start with `seatrial init DIR --example census`.",
        )
    return parse_project(path.read_text(encoding="utf-8"), directory.resolve(), shown=str(path))


def parse_project(text: str, directory: Path, *, shown: str = FILE_NAME) -> Project:
    """The project that `text` states; `shown` is the path that errors name."""
    import pydantic  # heavy

    from seatrial.verdicts.policy_check import policy_problems

    document, positions = read_toml(text, shown)
    problems: list[SeatrialError] = []

    def mistake(place: tuple[str | int, ...], problem: str, mend: str | None = None) -> None:
        where = ".".join(str(part) for part in place)
        problems.append(InputError(f"{where}: {problem}", path=shown, line=line_of(positions, place), mend=mend))

    try:
        parsed = pydantic.TypeAdapter(_File).validate_json(
            json.dumps(_renamed(document), default=str), strict=True, extra="forbid"
        )
    except pydantic.ValidationError as error:
        for one in error.errors(include_url=False):
            place = tuple("from" if part == "from_" else part for part in one["loc"] if _is_place(part))
            mistake(place, *_explained(one, place))
        raise Problems(problems) from None
    if not LEGAL_NAME.fullmatch(parsed.project.name):
        mistake(
            ("project", "name"), f"{parsed.project.name!r} is no legal name.", "Use a-z, 0-9 and -, 2 to 40 characters."
        )
    for problem in policy_problems(parsed.policy):
        place = ("policy",) if problem.requirement is None else ("policy", "require", problem.requirement)
        mistake((*place, problem.key), problem.problem, problem.mend)
    for name, profile in parsed.profile.items():
        if profile.store is not None and (found := _store_mistake(profile.store)) is not None:
            mistake(("profile", name, "store", found[0]), *found[1:])
        if profile.catalog is not None and re.match(r"\w+://[^@/]*:[^@/]*@", profile.catalog):
            mistake(
                ("profile", name, "catalog"), "a password stands in it.", 'Write "env:NAME", and put the address there.'
            )
    groups = () if parsed.data is None else parsed.data.groups
    for index, requirement in enumerate(parsed.policy.require):
        column = requirement.gap_between or requirement.by
        if column is not None and column not in groups:
            key = "gap_between" if requirement.gap_between else "by"
            mend = did_you_mean(column, groups) or "Add it to [data] groups."
            mistake(("policy", "require", index, key), f"{column!r} is not among [data] groups.", mend)
    if problems:
        raise Problems(problems)
    return Project(
        directory=directory,
        name=parsed.project.name,
        pipeline=parsed.project.pipeline,
        data=parsed.data,
        model=None if parsed.model is None else parsed.model.from_,
        parameters=parsed.params,
        policy=parsed.policy,
        profiles={"local": ProfileSettings(), **parsed.profile},
    )


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    model = document.get("model")
    if isinstance(model, dict) and "from" in model:
        document = {**document, "model": {("from_" if key == "from" else key): value for key, value in model.items()}}
    return document


def _is_place(part: str | int) -> bool:
    """Whether a part of pydantic's location is ours; it also names the branches of unions ("bool", "mapping[…]")."""
    return isinstance(part, int) or not re.fullmatch(r"bool|int|float|str|(mapping|dict)\[.*", part)


def _explained(error: Mapping[str, Any], place: tuple[str | int, ...]) -> tuple[str, str | None]:
    if error["type"] == "unexpected_keyword_argument":
        return "no such key.", did_you_mean(str(place[-1]), _keys_at(place[:-1])) or _listed(_keys_at(place[:-1]))
    if error["type"] == "missing_argument":
        return "this key is missing.", "Add it."
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r}.", None


def _listed(keys: list[str]) -> str | None:
    return f"There is: {', '.join(keys)}." if keys else None


def _keys_at(place: tuple[str | int, ...]) -> list[str]:
    """The keys that the file may hold at `place`."""
    kind: Any = _File
    for part in place:
        if is_dataclass(kind):
            hints = get_type_hints(kind)
            kind = hints.get("from_" if part == "from" else str(part))
        inner = [one for one in get_args(kind) if one is not type(None) and one is not Ellipsis and one is not str]
        if inner and not is_dataclass(kind):
            kind = inner[-1]
            if not is_dataclass(kind) and get_args(kind):
                kind = get_args(kind)[-1]
    return ["from" if item.name == "from_" else item.name for item in fields(kind)] if is_dataclass(kind) else []


def _store_mistake(store: StoreChoice) -> tuple[str, str, str] | None:
    """The key that is wrong, how, and the mend."""
    if store.endpoint is not None and "://" not in store.endpoint:
        return "endpoint", f'"{store.endpoint}" has no scheme.', f'Write "http://{store.endpoint}".'
    if not store.url.startswith(("s3://", "file:")):
        return "url", f'"{store.url}" is neither s3:// nor file:.', 'Write "s3://bucket/prefix" or "file:folder".'
    references = store.credentials.values() if isinstance(store.credentials, Mapping) else ()
    if isinstance(store.credentials, str) and store.credentials != "env":
        return (
            "credentials",
            "only a reference may stand here.",
            'Write "env", or { access_key = "env:NAME", secret_key = "env:NAME" }.',
        )
    if any(not reference.startswith(("env:", "file:")) for reference in references):
        return "credentials", "a secret stands in it.", 'Write a reference: "env:NAME" or "file:PATH".'
    return None
