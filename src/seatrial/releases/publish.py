"""A release copied from one store into another: the same files under the same name and version."""

from __future__ import annotations

from seatrial.errors import ObjectExists, Refused
from seatrial.releases.release import ENVELOPE, RELEASE_JSON, Release
from seatrial.releases.source import ReleaseSource, StoredRelease, release_key
from seatrial.releases.verify import Verification
from seatrial.releases.waivers import keep_waiver
from seatrial.stores.objects import Objects


def publish_release(verified: Verification, source: ReleaseSource, objects: Objects) -> int:
    """Writes the verified files, and the waivers that lie with them, into the store; returns the number of files.

    It is visible with its last file, the envelope; what was cut off is completed by doing it again. Files that are
    there are left. `Refused` where that name and version are taken by another release.
    """
    release, digest = verified.require().release, verified.digest
    assert release is not None and digest is not None  # noqa: S101 PT018 — it verified
    files = dict(verified.files)
    there = {info.key: info.size_bytes for info in objects.list(release_key(release.name, release.version, ""))}
    first, last = (RELEASE_JSON, files.pop(RELEASE_JSON)), (ENVELOPE, files.pop(ENVELOPE))
    for path, data in (first, *sorted(files.items()), last):
        key = release_key(release.name, release.version, path)
        if there.get(key, len(data)) != len(data):  # whatever its size, it is not read
            raise _taken(release, path, key)
        try:
            objects.put(key, data, if_absent=True)
        except ObjectExists:
            if objects.get(key).data != data:
                raise _taken(release, path, key) from None
    return len(verified.files) + _copy_waivers(verified, release, digest, source, objects)


def _copy_waivers(
    verified: Verification, release: Release, digest: str, source: ReleaseSource, objects: Objects
) -> int:
    """Copies the waivers that count now; those that do not would not count there either."""
    refused = {problem.path for problem in verified.refused_waivers}
    waivers = [data for path, data in source.waivers(digest).items() if path not in refused]
    there = set(StoredRelease(objects, release.name, release.version).waivers(digest).values())
    for waiver in waivers:
        if waiver not in there:
            keep_waiver(objects, digest, waiver)
    return len(waivers)


def _taken(release: Release, path: str, key: str) -> Refused:
    return Refused(
        f"that store has another {release.title}: its {path} differs.",
        path=key,
        hint="Versions are counted by store: publish from one store only, under a release name of its own.",
    )
