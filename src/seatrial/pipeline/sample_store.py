"""Where a server's samples go: the project's store, or the bucket or folder that was named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.pipeline.workspace import bucket_settings, open_workspace
from seatrial.releases.source import is_folder
from seatrial.stores.objects import Objects
from seatrial.stores.settings import StoreSettings

SAMPLES = "samples"


@contextmanager
def open_sample_store(
    address: str | None, reference: str | None, *, directory: Path, profile: str
) -> Iterator[tuple[Objects, str]]:
    """A store, and the prefix of samples in it: of `address`, or of the project's store without one.

    A bucket is reached as the profile says; beside an exported folder, which has no profile, as the environment does.
    """
    from seatrial.stores.obstore_objects import open_objects

    if address is not None and not address.startswith("s3://"):
        folder = Path(address).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        yield open_objects(StoreSettings(folder.as_uri())), ""
        return
    bucket, _, prefix = (address or "").removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    if address is not None and reference is not None and is_folder(reference):
        yield open_objects(StoreSettings(f"s3://{bucket}")), prefix
        return
    with open_workspace(directory, profile) as workspace:
        if address is None:
            yield workspace.objects, SAMPLES
        else:
            yield open_objects(bucket_settings(workspace, address)), prefix
