"""A table at one snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.stores.settings import CatalogSettings


@dataclass(frozen=True, slots=True)
class Table:
    """An Iceberg table at one snapshot: never "latest".

    `digest` names the content by how it came to be (producing step key and output name); `snapshot_id` only locates it.
    """

    identifier: str  # "census.features_train"
    snapshot_id: int
    digest: str
    catalog: CatalogSettings
