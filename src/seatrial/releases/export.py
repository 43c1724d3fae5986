"""A release as a folder: the same files, verifiable anywhere without the store."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from seatrial.errors import InputError, StoreError
from seatrial.releases.release import WAIVERS
from seatrial.releases.source import ReleaseSource
from seatrial.releases.verify import Verification


def export_release(verified: Verification, source: ReleaseSource, folder: Path) -> int:
    """Writes the verified files, and what waivers lie with them, as a new folder; returns the number of files.

    The folder appears whole or not at all. One that is there and holds anything is an `InputError`.
    """
    files = dict(verified.require().files)
    for path, data in source.waivers(verified.digest or "").items():
        files[WAIVERS + path.rpartition("/")[2]] = data
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise InputError("the target must be new, or an empty folder.", path=str(folder), hint="Name a new folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for path, data in files.items():
                target = draft / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            draft.chmod(0o755)  # mkdtemp's 0700 would keep everyone else from reading what is public
            draft.rename(folder)  # replaces an empty folder, and nothing else
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise StoreError(
            f"the folder cannot be written: {error.strerror}.", path=str(folder), hint="Name another folder."
        ) from None
    return len(files)
