"""Waivers: a signed, expiring exception for one requirement of one release. The verdict stays what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seatrial.errors import Corrupt, InputError, ObjectExists, Refused, StoreError
from seatrial.releases.envelope import seal, unseal
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import WAIVERS
from seatrial.releases.trust import Trust
from seatrial.stores.documents import from_json, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.policy import Policy

PAYLOAD_TYPE = "application/vnd.seatrial.waiver+json"
LONGEST = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)  # how far a signer's clock may run ahead
FORMAT = 1
ATTEMPTS = 100  # how many others may add a waiver to the same release first
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Waiver:
    """What is excused, for which release by digest, on which evidence, why, and until when."""

    release: str  # sha256 of release.json
    title: str  # "census@2", to read; the digest decides
    requirement: int  # its index in the policy
    text: str  # the requirement as the policy states it
    evidence: str  # sha256 of evidence.json
    reason: str
    created: str  # RFC 3339, UTC
    expires: str
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class AcceptedWaiver:
    """A waiver that holds now, and whose key signed it."""

    waiver: Waiver
    signer: str  # the name in trust.toml
    key_id: str


def make_waiver(
    *,
    release: str,
    title: str,
    evidence: str,
    policy: Policy,
    requirement: int,
    reason: str,
    days: int,
    now: datetime,
) -> Waiver:
    """The waiver for `policy.require[requirement]`; `InputError` for an empty reason or more than 30 days."""
    if not reason.strip():
        raise InputError("a waiver needs a reason.", path="--reason", hint="Say why, for whoever reads it later.")
    if not 1 <= days <= LONGEST.days:
        raise InputError(
            f"{days} days: a waiver lasts 1 to {LONGEST.days} days.", path="--days", hint="Sign a new one then."
        )
    moment = now.astimezone(UTC)
    return Waiver(
        release=release,
        title=title,
        requirement=requirement,
        text=str(policy.require[requirement]),
        evidence=evidence,
        reason=reason.strip(),
        created=moment.strftime(_TIME),
        expires=(moment + timedelta(days=days)).strftime(_TIME),
    )


def seal_waiver(waiver: Waiver, key: SigningKey) -> bytes:
    """The signed waiver's file."""
    if key.role != "waiver":
        raise InputError(f"a {key.role} key signs no waiver.", path=str(key.path), hint="Use the waiver key.")
    return seal(to_json(waiver), PAYLOAD_TYPE, key)


def keep_waiver(objects: Objects, release: str, sealed: bytes) -> str:
    """Puts the signed waiver beside the release in the store, and returns its key."""
    root = f"{WAIVERS}{release}/"
    first = sum(1 for _ in objects.list(root)) + 1
    for number in range(first, first + ATTEMPTS):
        try:
            objects.put(f"{root}{number}.json", sealed, if_absent=True)
        except ObjectExists:
            continue
        return f"{root}{number}.json"
    raise StoreError("others keep adding waivers to this release.", path=root, hint="Run it again.")


def find_requirement(policy: Policy, words: str) -> int:
    """The index of the requirement that `words` mean: its number from 1, or a part of its text that is in no other."""
    texts = [str(requirement) for requirement in policy.require]
    if words.isdecimal() and 1 <= int(words) <= len(texts):
        return int(words) - 1
    matching = [index for index, text in enumerate(texts) if words and words in text]
    exact = [index for index in matching if texts[index] == words]
    if len(exact or matching) == 1:
        return (exact or matching)[0]
    listed = "; ".join(f"{number}: {text}" for number, text in enumerate(texts, start=1))
    raise InputError(
        f"{words!r} means {'several requirements' if matching else 'no requirement'} of this release.",
        path="--requirement",
        hint=f"Give its number: {listed}.",
    )


def accept_waivers(
    sealed: Mapping[str, bytes], trust: Trust, *, release: str, evidence: str, policy: Policy, now: datetime
) -> tuple[Sequence[AcceptedWaiver], Sequence[tuple[str, str]]]:
    """The waivers that hold for this release now, and (path, why) of those that do not.

    One that does not hold changes nothing: whoever can write to the store could put it there. Of several for one
    requirement the one that lasts longest stands for all.
    """
    accepted: dict[int, AcceptedWaiver] = {}
    refused: list[tuple[str, str]] = []
    for path, data in sealed.items():
        try:
            payload, key = unseal(data, PAYLOAD_TYPE, trust.for_role("waiver"), path=path)
            waiver = from_json(Waiver, payload, path=path)
        except (Refused, Corrupt) as error:
            refused.append((path, error.problem))
            continue
        if (problem := _problem(waiver, release, evidence, policy, now)) is None:
            previous = accepted.get(waiver.requirement)
            if previous is None or previous.waiver.expires < waiver.expires:
                accepted[waiver.requirement] = AcceptedWaiver(waiver, trust.name_of(key), key.id)
        else:
            refused.append((path, problem))
    return tuple(accepted.values()), refused


def _problem(waiver: Waiver, release: str, evidence: str, policy: Policy, now: datetime) -> str | None:
    if waiver.format != FORMAT:
        return f"a waiver of format {waiver.format}, where this version reads format {FORMAT}."
    if waiver.release != release:
        return f"a waiver for another release ({waiver.title}, {waiver.release[:12]}…)."
    if waiver.evidence != evidence:
        return "a waiver for other evidence of this release."
    texts = [str(requirement) for requirement in policy.require]
    if not 0 <= waiver.requirement < len(texts) or texts[waiver.requirement] != waiver.text:
        return f"a waiver for a requirement that this policy does not state: {waiver.text}."
    if not waiver.reason.strip():
        return "a waiver without a reason."
    try:
        created, expires = (
            datetime.strptime(moment, _TIME).replace(tzinfo=UTC) for moment in (waiver.created, waiver.expires)
        )
    except ValueError:
        return "a waiver whose times are not in UTC as RFC 3339."
    if expires - created > LONGEST:
        return f"a waiver for more than {LONGEST.days} days."
    if created > now + CLOCK_SKEW:
        return f"a waiver from the future ({waiver.created})."
    if now >= expires:
        return f"a waiver that ended on {waiver.expires}."
    return None
