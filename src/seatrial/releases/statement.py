"""The in-toto statement that a release's signature covers (github.com/in-toto/attestation, Statement v1)."""

from __future__ import annotations

from seatrial.releases.release import RELEASE_JSON, Release
from seatrial.stores.documents import to_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:seatrial:release:1"


def statement_of(release: Release, digest: str) -> bytes:
    """The statement about the `release.json` with that digest; the predicate repeats what admission tools ask for."""
    return to_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": RELEASE_JSON, "digest": {"sha256": digest}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {"name": release.name, "version": release.version, "verdict": release.verdict},
        }
    )
