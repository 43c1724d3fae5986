"""What a client's exception means for whoever reads it.

Clients put request headers and server answers into their messages, and those can hold keys and signatures. So nothing
of a message is passed on: it is only searched for the few words that tell one failure from another.
"""

from __future__ import annotations

import errno
import re

from seatrial.errors import ObjectChanged, ObjectExists, ObjectMissing, StoreError
from seatrial.stores.s3_refusal import read_refusal, refusal_error
from seatrial.stores.store_url import Bucket, Folder

_OS_ERROR = re.compile(r"\(os error (\d+)\)")


def store_error(error: BaseException, place: Folder | Bucket, key: str) -> StoreError:
    """The `StoreError` that says what `error`, raised while `key` was used, means."""
    text = str(error)
    kind = type(error).__name__
    if isinstance(place, Folder):
        return _folder_failure(kind, text, place, key)
    where = f"{place.endpoint or 'the provider’s endpoint'}, bucket {place.name}"
    path = "s3://" + "/".join(part for part in (place.name, place.prefix, key) if part)
    refusal = read_refusal(text)
    code = refusal.code
    if code == "NoSuchBucket":
        return StoreError(
            f"bucket {place.name} does not exist at {place.endpoint or 'the provider'}.",
            path=path,
            hint="Make the bucket, or correct the store's `url` and `endpoint`.",
        )
    if kind == "AlreadyExistsError":
        return ObjectExists(f"there is already an object under this key ({where}).", path=path)
    if kind == "PreconditionError":
        return ObjectChanged(
            f"the object is not the one that was read before ({where}).",
            path=path,
            hint="Somebody wrote it again; start over from the newer one.",
        )
    if kind == "FileNotFoundError":
        return ObjectMissing(f"the object does not exist ({where}).", path=path)
    if "status: 507" in text or is_disk_full(text):
        return StoreError(f"the store's disk is full ({where}).", path=path, hint="Free space there, then run again.")
    if "certificate" in text.lower() or "UnknownIssuer" in text:
        return StoreError(
            f"the store's certificate is not trusted ({where}).",
            path=path,
            hint='Name the authority that signed it: `ca = "file:ca.pem"` of the store, or AWS_CA_BUNDLE.',
        )
    if "kind: Connect," in text:
        return StoreError(
            f"the store does not answer ({where}).", path=path, hint="Start it, or correct `endpoint`; then run again."
        )
    if "kind: Timeout," in text:
        return StoreError(
            f"the store took too long to answer ({where}).",
            path=path,
            hint="Look at its load and logs; then run again.",
        )
    refused = kind in ("PermissionDeniedError", "UnauthenticatedError") or "status: 403" in text
    return refusal_error(refusal, f"{kind}; {where}" if not code and not refused else where, path=path, refused=refused)


def is_disk_full(text: str) -> bool:
    """Whether a message quotes the operating system's ENOSPC."""
    return "no space left on device" in text.lower()


def was_interrupted(error: BaseException) -> bool:
    """Whether the connection broke under a request, so that nobody knows what became of it."""
    return "kind: Interrupted," in str(error)


def _folder_failure(kind: str, text: str, place: Folder, key: str) -> StoreError:
    path = str(place.path / key)
    if kind == "AlreadyExistsError":
        return ObjectExists("there is already an object under this key.", path=path)
    if kind == "PreconditionError":
        return ObjectChanged(
            "the object is not the one that was read before.",
            path=path,
            hint="Somebody wrote it again; start over from the newer one.",
        )
    match = _OS_ERROR.search(text)
    number = int(match.group(1)) if match else 0
    if number in (errno.ENOSPC, errno.EDQUOT):
        return StoreError("the disk is full.", path=path, hint="Free space there, then run again.")
    if kind == "FileNotFoundError":
        return ObjectMissing("the object does not exist.", path=path)
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or kind == "PermissionError":
        return StoreError(
            "the account of this process may not read or write here.",
            path=path,
            hint="Change the folder's owner or mode, or the store.",
        )
    return StoreError(f"the folder failed ({errno.errorcode.get(number, kind)}).", path=path, hint="Look at the disk.")
