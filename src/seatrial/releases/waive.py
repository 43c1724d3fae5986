"""Signing a waiver for one requirement that a verified release missed."""

from __future__ import annotations

from datetime import datetime

from seatrial.errors import InputError, Refused
from seatrial.releases.keys import SigningKey
from seatrial.releases.source import ReleaseSource, StoredRelease
from seatrial.releases.verify import Verification
from seatrial.releases.waivers import Waiver, find_requirement, keep_waiver, make_waiver, seal_waiver


def waive(
    source: ReleaseSource, verified: Verification, words: str, *, reason: str, days: int, key: SigningKey, now: datetime
) -> Waiver:
    """Signs it and keeps it beside the release; `words` are the requirement's number from 1, or words of it.

    Raises `Refused` where the release does not verify, `InputError` where there is nothing to waive.
    """
    verified.require()
    if verified.release is None or verified.digest is None or verified.policy is None or verified.verdict is None:
        raise Refused("a waiver needs a verdict; the policy of this release demands nothing.", path=verified.label)
    if not isinstance(source, StoredRelease):
        raise InputError(
            "a waiver is kept in the store, beside the release.",
            path=source.label,
            hint="Name the release as the store knows it, name@version, and export it again afterwards.",
        )
    index = find_requirement(verified.policy, words)
    finding = verified.verdict.findings[index]
    if str(finding.outcome) == "pass":
        raise InputError(
            f"{finding.requirement} passed: only what failed or is inconclusive can be waived.", path="--requirement"
        )
    waiver = make_waiver(
        release=verified.digest,
        title=verified.release.title,
        evidence=verified.release.evidence,
        policy=verified.policy,
        requirement=index,
        reason=reason,
        days=days,
        now=now,
    )
    keep_waiver(source.objects, verified.digest, seal_waiver(waiver, key))
    return waiver
