"""What the project's profile reaches: the object store, its promises, and the catalog."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace

from seatrial.doctor.check import Check
from seatrial.errors import ObjectChanged, ObjectExists
from seatrial.pipeline.workspace import Workspace, ledger_key, ledger_settings
from seatrial.stores.catalog import catalog_place, open_catalog
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import CatalogSettings, StoreSettings
from seatrial.trial.test_uses.ledger_address import ledger_address
from seatrial.verdicts.uses import USES

_LEDGER_PROBE = "doctor/counts-once"


def store(objects: Objects, settings: StoreSettings) -> str:
    """Whether the store takes an object under the prefix, lists it and gives it back."""
    key = _probe_key()
    try:
        objects.put(key, b"probe")
        objects.get(key)
        next(iter(objects.list(key)))
    finally:
        objects.delete(key)
    return settings.url if settings.endpoint is None else f"{settings.url} at {settings.endpoint}"


def conditional_writes(objects: Objects) -> Check | str:
    """Whether the store refuses a second first write, and a read of another version than the pinned one."""
    key = _probe_key()
    try:
        first = objects.put(key, b"first", if_absent=True)
        try:
            objects.put(key, b"second", if_absent=True)
        except ObjectExists:
            pass
        else:
            return _broken("a put with If-None-Match: * overwrote an object")
        objects.put(key, b"third")
        try:
            objects.get(key, etag=first)
        except ObjectChanged:
            return "If-None-Match and If-Match are honoured"
        return _broken("a get with If-Match returned another version")
    finally:
        objects.delete(key)


def shared_uses(workspace: Workspace) -> Check | str:
    """Whether uses of test data can be counted where the profile says, so that none of two at once is lost.

    The probe stays: who counts there needs no right to delete.
    """
    ledger = ledger_settings(workspace, os.environ)
    if ledger is None:
        return "counted in the project's store"
    address = ledger_address(ledger, named_in=ledger_key(workspace))
    objects = open_objects(ledger)
    next(iter(objects.list(USES)), None)
    for _ in range(2):
        try:
            objects.put(_LEDGER_PROBE, b"probe", if_absent=True)
        except ObjectExists:
            return f"counted with others at {address}"
    return replace(_broken("a put with If-None-Match: * overwrote an object"), name="test uses")


def _broken(what: str) -> Check:
    return Check(
        "conditional writes",
        "fail",
        f"{what}: two runs at once could overwrite each other.",
        "Use a store that honours conditional requests: AWS S3, MinIO, SeaweedFS, Ceph.",
    )


def catalog(settings: CatalogSettings) -> str:
    """Whether the catalog opens and answers."""
    with open_catalog(settings) as opened:
        count = len(opened.list_namespaces())
    return f"{catalog_place(settings.uri)}, {count} namespace{'' if count == 1 else 's'}"


def _probe_key() -> str:
    return f"doctor/{uuid.uuid4()}"
