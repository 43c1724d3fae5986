"""Making a release: every file under a version of its own, and the signature last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from seatrial.errors import Corrupt, InputError, ObjectExists, ObjectMissing, Refused, StoreError
from seatrial.models.signature import Signature
from seatrial.releases.card import model_card
from seatrial.releases.envelope import seal, unseal
from seatrial.releases.keys import SigningKey
from seatrial.releases.release import (
    CARD_JSON,
    ENVELOPE,
    EVIDENCE_JSON,
    LEGAL_NAME,
    PACKAGE,
    POLICY_JSON,
    RELEASE_JSON,
    VERDICT_JSON,
    VSA_JSON,
    Release,
    file_entry,
    package_digest,
)
from seatrial.releases.source import StoredRelease, list_versions, release_key, taken_versions
from seatrial.releases.statement import PAYLOAD_TYPE, statement_of
from seatrial.releases.vsa import verification_summary
from seatrial.stores.artifacts import check_path
from seatrial.stores.documents import from_json, sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import TestUse, Trial
from seatrial.verdicts.verdict import Verdict

ATTEMPTS = 100  # how many other writers may take the next version first


def create_release(
    objects: Objects,
    name: str,
    *,
    package: Mapping[str, bytes],
    trial: Trial,
    policy: Policy,
    verdict: Verdict,
    key: SigningKey,
    created: datetime,
) -> Release:
    """Writes the signed release of a judged model and returns it; `package` is by path within the model package.

    The next version is claimed by the first write (`release.json`, if absent) and visible with the last (the
    envelope). A claim whose writing was cut off stays invisible, and its version is never used again. The same model,
    evidence and policy, signed by the same key, is found and returned instead of made twice. Raises `InputError` where
    the parts do not belong together: what it makes, `verify` accepts.
    """
    test_use = _checked(name, package, trial, policy, verdict, key)
    if (existing := _find(objects, name, trial, policy, key)) is not None:
        return existing
    version = max(taken_versions(objects, name), default=0) + 1
    moment = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for attempt in range(version, version + ATTEMPTS):
        release, files = _parts(name, attempt, moment, package, trial, policy, verdict, test_use)
        document = to_json(release)
        try:
            objects.put(release_key(name, attempt, RELEASE_JSON), document, if_absent=True)
        except ObjectExists:
            continue
        for path, content in files.items():
            objects.put(release_key(name, attempt, path), content)
        envelope = seal(statement_of(release, sha256(document)), PAYLOAD_TYPE, key)
        objects.put(release_key(name, attempt, ENVELOPE), envelope, if_absent=True)
        return release
    raise StoreError(
        f"{ATTEMPTS} versions were taken by others while this release was written.",
        path=release_key(name, version, ""),
        hint="Find out who writes there, and run it again.",
    )


def _parts(
    name: str,
    version: int,
    created: str,
    package: Mapping[str, bytes],
    trial: Trial,
    policy: Policy,
    verdict: Verdict,
    test_use: TestUse,
) -> tuple[Release, dict[str, bytes]]:
    evidence_json, policy_json = to_json(trial), to_json(policy)
    files = {
        **{f"{PACKAGE}{path}": data for path, data in sorted(package.items())},
        EVIDENCE_JSON: evidence_json,
        POLICY_JSON: policy_json,
        VERDICT_JSON: to_json(verdict),
        CARD_JSON: model_card(
            name=name,
            version=version,
            created=created,
            package=package,
            signature=_signature(package),
            trial=trial,
            policy=policy,
            verdict=verdict,
        ),
        VSA_JSON: verification_summary(
            title=f"{name}@{version}",
            created=created,
            package=package,
            policy=sha256(policy_json),
            evidence=sha256(evidence_json),
            verdict=str(verdict.outcome),
        ),
    }
    release = Release(
        name=name,
        version=version,
        created=created,
        model=trial.model,
        evidence=sha256(evidence_json),
        policy=sha256(policy_json),
        test_data=test_use,
        verdict=str(verdict.outcome),
        files={path: file_entry(files[path]) for path in sorted(files)},
    )
    return release, files


def _checked(
    name: str, package: Mapping[str, bytes], trial: Trial, policy: Policy, verdict: Verdict, key: SigningKey
) -> TestUse:
    if not LEGAL_NAME.fullmatch(name):
        raise InputError(f"{name!r} is not a valid name of a release.", hint="Use a-z, 0-9 and -, 2 to 40 characters.")
    if key.role != "release":
        raise InputError(f"a {key.role} key signs no release.", path=str(key.path), hint="Use the release key.")
    for path in package:
        check_path(path)
    if not policy.require:
        raise InputError(
            "the policy demands nothing: without a verdict nothing can be released.",
            path="policy.require",
            hint="Add a [[policy.require]] with a metric and a bound.",
        )
    if trial.test_use is None or trial.data != "test":
        raise InputError("a rehearsal releases nothing.", path="evidence", hint="Run without --rehearse.")
    if trial.model != package_digest(package):
        raise InputError("the evidence is of another model than this package.", path="evidence.model")
    if trial.policy != sha256(to_json(policy)):
        raise InputError("the evidence was measured for another policy.", path="evidence.policy")
    if to_json(judge(policy, trial)) != to_json(verdict):
        raise InputError("the verdict does not follow from the evidence and the policy.", path="verdict")
    return trial.test_use


def _find(objects: Objects, name: str, trial: Trial, policy: Policy, key: SigningKey) -> Release | None:
    pinned = (trial.model, sha256(to_json(trial)), sha256(to_json(policy)))
    for version in reversed(list_versions(objects, name)):
        path = release_key(name, version, RELEASE_JSON)
        try:
            document = objects.get(path).data
            release = from_json(Release, document, path=path)
            if (release.model, release.evidence, release.policy) != pinned or not _is_whole(objects, release, version):
                continue
            envelope = objects.get(release_key(name, version, ENVELOPE)).data
            payload, _ = unseal(envelope, PAYLOAD_TYPE, [key.public], path=release_key(name, version, ENVELOPE))
        except (Corrupt, Refused, ObjectMissing):
            continue  # not ours, or no longer whole: `verify` says what is wrong with it
        if payload == statement_of(release, sha256(document)):
            return release
    return None


def _is_whole(objects: Objects, release: Release, version: int) -> bool:
    sizes = StoredRelease(objects, release.name, version).sizes()
    listed_sizes = {path: entry.size_bytes for path, entry in release.files.items()}
    return release.version == version and {path: sizes.get(path) for path in listed_sizes} == listed_sizes


def _signature(package: Mapping[str, bytes]) -> Signature | None:
    """The model's signature, for the card; a package that is not ours may have none."""
    if "signature.json" not in package:
        return None
    return from_json(Signature, package["signature.json"], path=f"{PACKAGE}signature.json")
