"""`gc`: removes what no run record, release or test use needs, once it is older than a stated time.

What a run at the same time makes is younger than that; and while a run record of that time says "running", every cache
record stays. Removing goes from the top down, so that a `gc` that is killed leaves nothing half-visible: a cache record
before the artifacts and snapshots that it names, an artifact's manifest before its files, a snapshot before its files.
What is left over by that is found by the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from seatrial.pipeline.cache.cache_record import CacheRecord
from seatrial.pipeline.garbage.needed import CACHE, find_needed
from seatrial.pipeline.garbage.tables import TableGarbage, find_table_garbage
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.artifacts import MANIFEST
from seatrial.stores.documents import from_json
from seatrial.stores.objects import ObjectInfo, Objects

ARTIFACTS = "artifacts/"
WAREHOUSE = "warehouse/"
COUNTED = (ARTIFACTS, CACHE, WAREHOUSE)

Kind = Literal["cache record", "artifact", "snapshot", "table file"]


@dataclass(frozen=True, slots=True)
class GarbageItem:
    """One thing that nothing needs."""

    kind: Kind
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """What is to be removed, in that order, and what was left alone and why. Sizes are of what `gc` looks at."""

    removed: tuple[GarbageItem, ...]
    notes: tuple[str, ...]
    before_bytes: int

    @property
    def freed_bytes(self) -> int:
        """What removing frees."""
        return sum(removed.size_bytes for removed in self.removed)


@dataclass(frozen=True, slots=True)
class _ByKind:
    garbage: Garbage
    records: tuple[str, ...]
    artifacts: tuple[tuple[ObjectInfo, ...], ...]
    tables: tuple[TableGarbage, ...]


def find_garbage(workspace: Workspace, *, older_than: datetime) -> Garbage:
    """What `collect_garbage` would remove; changes nothing."""
    return _find(workspace, older_than).garbage


def collect_garbage(
    workspace: Workspace, *, older_than: datetime, on_removed: Callable[[str], None] = lambda _name: None
) -> Garbage:
    """Removes what nothing needs and is older than that time; `on_removed` gets the name of each thing."""
    objects = workspace.objects
    by_kind = _find(workspace, older_than)
    for key in by_kind.records:
        objects.delete(key)
        on_removed(key)
    for files in by_kind.artifacts:
        for info in sorted(files, key=lambda info: not info.key.endswith(f"/{MANIFEST}")):
            objects.delete(info.key)
            on_removed(info.key)
    for table in by_kind.tables:
        table.expire(workspace.catalog)
        for info in table.files:
            objects.delete(info.key)
            on_removed(info.key)
    return by_kind.garbage


def _find(workspace: Workspace, older_than: datetime) -> _ByKind:
    objects = workspace.objects
    records = list(objects.list(CACHE))
    cache = _read_cache(objects, records)
    young = frozenset(_step_key(info) for info in records if info.modified >= older_than)
    needed = find_needed(objects, cache, young=young, since=older_than)
    old_records = [info for info in records if _step_key(info) not in needed.keys]
    artifacts: dict[str, list[ObjectInfo]] = defaultdict(list)
    for info in objects.list(ARTIFACTS):
        artifacts[info.key.removeprefix(ARTIFACTS).partition("/")[0]].append(info)
    unneeded = {
        digest: tuple(files)
        for digest, files in artifacts.items()
        if digest not in needed.digests and all(info.modified < older_than for info in files)
    }
    tables, notes = find_table_garbage(workspace, needed, older_than=older_than)
    removed = [
        *(GarbageItem("cache record", info.key, info.size_bytes) for info in old_records),
        *(
            GarbageItem("artifact", digest, sum(info.size_bytes for info in files))
            for digest, files in unneeded.items()
        ),
    ]
    for table in tables:
        removed += [GarbageItem("snapshot", f"{table.identifier}@{number}", 0) for number in table.snapshots]
        removed += [GarbageItem("table file", info.key, info.size_bytes) for info in table.files]
    before = sum(info.size_bytes for prefix in COUNTED for info in objects.list(prefix))
    return _ByKind(
        Garbage(tuple(removed), notes, before),
        tuple(info.key for info in old_records),
        tuple(unneeded.values()),
        tables,
    )


def _read_cache(objects: Objects, records: list[ObjectInfo]) -> dict[str, CacheRecord]:
    return {_step_key(info): from_json(CacheRecord, objects.get(info.key).data, path=info.key) for info in records}


def _step_key(info: ObjectInfo) -> str:
    return info.key.removeprefix(CACHE).removesuffix(".json")
