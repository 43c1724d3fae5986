"""The files that a step reads, as its function gets them."""

from __future__ import annotations

from seatrial.pipeline.jobs.job import objects_of
from seatrial.pipeline.jobs.local_files import local_files
from seatrial.pipeline.jobs.step_values import FilesInput
from seatrial.pipeline.project.locations import is_file_address, is_remote
from seatrial.pipeline.workspace import Workspace, bucket_settings
from seatrial.stores.settings import StoreSettings


class StoredFiles:
    """Files of the store, of another bucket or of this machine that a step reads, pinned by ETag or sha256."""

    def __init__(self, pinned: FilesInput, workspace: Workspace) -> None:
        self._pinned = pinned
        self._local = None
        if is_file_address(pinned.pattern):
            self._local = local_files(pinned.pattern, workspace.project.directory)
        self._remote = is_remote(pinned.pattern)
        self._store = bucket_settings(workspace, pinned.pattern) if self._remote else workspace.store
        self._objects = objects_of(pinned.pattern, workspace)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, in order; in another bucket from its root, on this machine from the folder before the pattern."""
        return tuple(self._pinned.etags)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where Spark reads them: s3a://…, or file:///… on this machine."""
        if self._local is not None:
            return tuple(map(self._local.url, self.keys))
        root = self._store.url.rstrip("/").replace("s3://", "s3a://")
        return tuple(f"{root}/{key}" for key in self.keys)

    @property
    def other_bucket(self) -> StoreSettings | None:
        """How the bucket is reached, where it is not the project's store."""
        return self._store if self._remote else None

    def read(self, key: str) -> bytes:
        """One file's bytes; `ObjectChanged` when it is no longer the one that was pinned."""
        if self._local is not None:
            return self._local.read(key, self._pinned.etags[key])
        return self._objects.get(key, etag=self._pinned.etags[key]).data
