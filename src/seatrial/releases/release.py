"""What `release.json` says: the one document that is signed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.stores.artifacts import FileEntry, Manifest
from seatrial.stores.documents import sha256, to_json
from seatrial.verdicts.trial import TestUse

RELEASE_JSON = "release.json"
ENVELOPE = "release.dsse.json"
EVIDENCE_JSON = "evidence.json"
POLICY_JSON = "policy.json"
VERDICT_JSON = "verdict.json"
CARD_JSON = "card.json"
VSA_JSON = "vsa.json"
PACKAGE = "model/"  # the folder of the model package
WAIVERS = "waivers/"  # beside the files of an exported release; not among what is signed
LEGAL_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")  # as a project's


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

    @property
    def title(self) -> str:
        """How people call it: "census@2"."""
        return f"{self.name}@{self.version}"


def package_digest(package: Mapping[str, bytes]) -> str:
    """The digest of a model package, by paths within it: that of the artifact which holds it."""
    return sha256(to_json(Manifest({path: file_entry(package[path]) for path in sorted(package)})))


def file_entry(data: bytes) -> FileEntry:
    """The entry of a file with this content."""
    return FileEntry(sha256(data), len(data))
