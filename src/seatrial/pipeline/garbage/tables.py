"""Snapshots that nothing needs, and files of tables that no snapshot names: of writes that were killed, or expired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seatrial.pipeline.garbage.needed import LiveObjects
from seatrial.pipeline.workspace import Workspace
from seatrial.stores.catalog import open_catalog
from seatrial.stores.objects import ObjectInfo
from seatrial.stores.settings import CatalogSettings

TAG = "seatrial-"  # the pipeline's own; a tag or branch of anybody else pins what it names


@dataclass(frozen=True, slots=True)
class TableGarbage:
    """What nothing needs of one table."""

    identifier: str
    tags: tuple[str, ...]
    snapshots: tuple[int, ...]
    files: tuple[ObjectInfo, ...]  # keys relative to the store's prefix

    def expire(self, settings: CatalogSettings) -> None:
        """Takes the snapshots out of the table; their files are nobody's from then on."""
        if not self.snapshots:
            return
        with open_catalog(settings) as catalog:
            table = catalog.load_table(self.identifier)
            for tag in self.tags:
                if tag in table.refs():
                    table.manage_snapshots().remove_tag(tag).commit()
            there = {snapshot.snapshot_id for snapshot in table.snapshots()}
            gone = [number for number in self.snapshots if number in there]
            if gone:
                table.maintenance.expire_snapshots().by_ids(gone).commit()


def find_table_garbage(
    workspace: Workspace, needed: LiveObjects, *, older_than: datetime
) -> tuple[tuple[TableGarbage, ...], tuple[str, ...]]:
    """The garbage of every table of the project, and why tables were left alone."""
    if workspace.profile.store is not None and workspace.profile.catalog is None:
        # Another machine's SQLite catalog may name the same files, and this one would not know.
        return (), (
            "Tables were left alone: this profile's catalog is a file of this machine, and its store is shared.",
        )
    if not any(True for _ in workspace.objects.list("warehouse/")):
        return (), ()
    namespace = workspace.project.name.replace("-", "_")
    table_garbage: list[TableGarbage] = []
    notes: list[str] = []
    with open_catalog(workspace.catalog, namespace=namespace) as catalog:
        for name in catalog.list_tables(namespace):
            table = catalog.load_table(name)
            identifier = ".".join(name)
            if not table.location().startswith(f"{workspace.store.url.rstrip('/')}/warehouse/"):
                notes.append(f"{identifier} was left alone: it lies outside the project's store.")
                continue
            garbage = _garbage_of(table, identifier, workspace, needed, older_than)
            if garbage is None:
                notes.append(f"{identifier} was left alone: some of its files lie outside its folder.")
            elif garbage.snapshots or garbage.files:
                table_garbage.append(garbage)
    return tuple(table_garbage), tuple(notes)


def _garbage_of(
    table: Any, identifier: str, workspace: Workspace, needed: LiveObjects, older_than: datetime
) -> TableGarbage | None:
    old = {
        snapshot.snapshot_id
        for snapshot in table.snapshots()
        if datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) < older_than
    }
    unneeded = {number for number in old if (identifier, number) not in needed.snapshots}
    references = table.refs()
    pinned = {ref.snapshot_id for name, ref in references.items() if not name.startswith(TAG)}  # main too
    unneeded -= pinned
    tags = tuple(sorted(name for name, ref in references.items() if ref.snapshot_id in unneeded))
    reachable = _reachable(table, unneeded)
    root = workspace.store.url.rstrip("/") + "/"
    folder = table.location().removeprefix(root).rstrip("/") + "/"
    if not all(path.startswith(root + folder) for path in reachable):  # then a name cannot tell whose a file is
        return None
    files = tuple(
        info
        for info in workspace.objects.list(folder)
        if info.modified < older_than and root + info.key not in reachable
    )
    return TableGarbage(identifier, tags, tuple(sorted(unneeded)), files)


def _reachable(table: Any, expired: set[int]) -> set[str]:
    """Every file that the table needs once those snapshots are gone."""
    metadata = table.metadata
    reachable = {table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    reachable |= {file.statistics_path for file in metadata.statistics if file.snapshot_id not in expired}
    for snapshot in table.snapshots():
        if snapshot.snapshot_id in expired:
            continue
        reachable.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            reachable.add(manifest.manifest_path)
            entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
            reachable |= {entry.data_file.file_path for entry in entries}
    return reachable
