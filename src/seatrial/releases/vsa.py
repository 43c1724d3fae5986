"""The verdict as an SLSA Verification Summary (slsa.dev/spec/v1.1/verification_summary), for tools that know those."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.releases.release import PACKAGE
from seatrial.stores.documents import sha256, to_json

PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"


def verification_summary(
    *, title: str, created: str, package: Mapping[str, bytes], policy: str, evidence: str, verdict: str
) -> bytes:
    """`vsa.json`: about every file of the package. SLSA knows two results, so inconclusive counts as failed."""
    passed = verdict == "pass"
    return to_json(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                {"name": f"{PACKAGE}{path}", "digest": {"sha256": sha256(data)}}
                for path, data in sorted(package.items())
            ],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "verifier": {"id": "urn:seatrial:judge:1"},
                "timeVerified": created,
                "resourceUri": f"urn:seatrial:release:{title}",
                "policy": {"uri": "policy.json", "digest": {"sha256": policy}},
                "inputAttestations": [{"uri": "evidence.json", "digest": {"sha256": evidence}}],
                "verificationResult": "PASSED" if passed else "FAILED",
                # Not a level of SLSA's own tracks: the build was not looked at.
                "verifiedLevels": ["SEATRIAL_POLICY_PASSED"] if passed else ["FAILED"],
                "slsaVersion": "1.1",
            },
        }
    )
