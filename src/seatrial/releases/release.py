"""What `release.json` says: the one document that is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.stores.artifacts import FileEntry
from seatrial.verdicts.trial import TestUse


@dataclass(frozen=True, slots=True)
class Release:
    """A judged model: model, evidence, policy and verdict by digest, under one signature.

    In the store it is the objects under `releases/<name>/<version>/`; exported it is a folder of the same files:
    `release.json` (this), `release.dsse.json` (the envelope, written last), `model/…` (the package), `evidence.json`
    (a `Trial`), `policy.json`, `verdict.json`, `card.json` (CycloneDX), `vsa.json` (SLSA VSA view of the verdict).
    `files` lists all but the first two.
    """

    name: str
    version: int
    created: str  # RFC 3339, UTC
    model: str  # digest of the model package: of its manifest of paths, sizes and sha256
    evidence: str  # sha256 of evidence.json
    policy: str  # sha256 of policy.json
    test_data: TestUse
    verdict: str  # "pass" | "fail" | "inconclusive"
    files: Mapping[str, FileEntry]
    format: int = 1
