"""`seatrial.toml`, read into the settings of each room; every mistake in it at once, with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from seatrial.errors import InputError, Problems, SeatrialError, did_you_mean
from seatrial.models.signature import Task
from seatrial.pipeline.project.settings import (
    FILE_NAME,
    DataSettings,
    ModelSettings,
    ProfileSettings,
    Project,
    ProjectSettings,
)
from seatrial.pipeline.project.validate_project import group_names, validate_project
from seatrial.pipeline.steps.declaration import Parameter
from seatrial.sources.kafka.settings import IngestSettings
from seatrial.stores.toml_positions import Place, line_of, read_toml
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.policy.document import read_policy

# Keys of a profile in and under which somebody may have written a secret.
SECRETIVE = {"store", "buckets", "test_uses", "catalog", "conf", "kubeflow", "kafka"}


@dataclass(frozen=True, slots=True)
class _File:
    project: ProjectSettings
    data: DataSettings | None = None
    model: ModelSettings | None = None
    params: Mapping[str, Mapping[str, Parameter]] = field(default_factory=dict)
    profile: Mapping[str, ProfileSettings] = field(default_factory=dict)
    ingest: Mapping[str, IngestSettings] = field(default_factory=dict)


def load_project(directory: Path) -> Project:
    """Reads `seatrial.toml` of a folder; `Problems` lists every mistake in it."""
    path = directory / FILE_NAME
    if not path.is_file():
        raise InputError(
            f"the folder does not hold a {FILE_NAME}.",
            path=str(directory.resolve()),
            hint="Start with `seatrial init DIR --data FILE --label COLUMN`, or --from MODEL --test DATA.",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(
            "the file is not UTF-8.", path=str(path), line=line, hint="Save it in that encoding."
        ) from None
    return parse_project(text, directory.resolve(), shown=str(path))


def parse_project(text: str, directory: Path, *, shown: str = FILE_NAME) -> Project:
    """The project that `text` states; `shown` is the path that errors name."""
    import pydantic  # heavy

    document, positions = read_toml(text, shown)
    problems: list[SeatrialError] = []

    def mistake(place: Place, problem: str, hint: str | None = None) -> None:
        where = ".".join(str(part) for part in place)
        problems.append(InputError(f"{where}: {problem}", path=shown, line=line_of(positions, place), hint=hint))

    policy = _policy(document, mistake)
    try:
        rest = json.dumps(_renamed(document), default=str)
        parsed = pydantic.TypeAdapter(_File).validate_json(rest, strict=True, extra="forbid")
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False):
            place = tuple("from" if part == "from_" else part for part in detail["loc"] if _is_place(part))
            mistake(place, *_explained(detail, place))
        raise Problems(problems) from None
    project = Project(
        directory=directory,
        name=parsed.project.name,
        pipeline=parsed.project.pipeline,
        data=parsed.data,
        model_settings=parsed.model,
        parameters=parsed.params,
        policy=policy,
        profiles={"local": ProfileSettings(), **parsed.profile},
        ingest=parsed.ingest,
    )
    for place, problem, hint in validate_project(project):
        mistake(place, problem, hint)
    if problems:
        raise Problems(problems)
    return project


def find_profile(project: Project, name: str) -> ProfileSettings:
    """The profile of that name; `InputError` where the project has none."""
    if (profile := project.profiles.get(name)) is not None:
        return profile
    hint = did_you_mean(name, project.profiles) or f"There is: {', '.join(project.profiles)}."
    raise InputError(f"unknown profile {name!r}.", path=project.path, hint=hint)


def _policy(document: dict[str, Any], mistake: Callable[[Place, str, str | None], None]) -> Policy:
    """Takes `[policy]` out of the document; its mistakes are told, and then an empty policy stands in."""
    section = document.get("data")
    data: Mapping[str, object] = section if isinstance(section, dict) else {}
    groups: tuple[str, ...] | None = None
    if isinstance(written := data.get("groups", []), list) and all(isinstance(spec, str) for spec in written):
        groups, mistakes = group_names(written)
        for group_mistake in mistakes:
            mistake(*group_mistake)
    task = data.get("task")
    read = read_policy(
        document.pop("policy", {}),
        groups=groups,
        task=task if isinstance(task, str) and task in get_args(Task) else None,
    )
    if isinstance(read, Policy):
        return read
    for problem in read:
        requirement: Place = () if problem.index is None else ("require", problem.index)
        key: Place = () if problem.key is None else (problem.key,)
        mistake(("policy", *requirement, *key), problem.error.problem, problem.error.hint)
    return Policy()


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    model = document.get("model")
    if isinstance(model, dict) and "from" in model:
        document = {**document, "model": {("from_" if key == "from" else key): value for key, value in model.items()}}
    return document


def _is_place(part: str | int) -> bool:
    """Whether a part of pydantic's location is ours; it also names the branches of unions ("bool", "mapping[…]")."""
    return isinstance(part, int) or not re.fullmatch(r"bool|int|float|str|(mapping|dict)\[.*", part)


def _explained(error: Mapping[str, Any], place: Place) -> tuple[str, str | None]:
    if error["type"] == "unexpected_keyword_argument":
        return "unknown key.", did_you_mean(str(place[-1]), _keys_at(place[:-1])) or _listed(_keys_at(place[:-1]))
    if error["type"] in ("missing", "missing_argument"):
        return "a required key is missing.", "Add it."
    got = f"a {type(error['input']).__name__}" if SECRETIVE.intersection(place) else repr(error["input"])
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, not {got}.", None


def _listed(keys: list[str]) -> str | None:
    return f"There is: {', '.join(keys)}." if keys else None


def _keys_at(place: Place) -> list[str]:
    """The keys that the file may hold at `place`."""
    kind: Any = _File
    for part in place:
        if is_dataclass(kind):
            kind = get_type_hints(kind).get("from_" if part == "from" else str(part))
        elif get_origin(kind) is Mapping:
            kind = get_args(kind)[-1]
        if get_origin(kind) is UnionType:
            kind = next((member for member in get_args(kind) if is_dataclass(member)), None)
    return ["from" if item.name == "from_" else item.name for item in fields(kind)] if is_dataclass(kind) else []
