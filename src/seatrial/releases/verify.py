"""Whether a release may be used: everything hashed once, signed by whom we trust, and judged again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from seatrial.errors import Corrupt, InputError, ObjectMissing, Refused, SeatrialError
from seatrial.releases.envelope import UntrustedKey, unseal
from seatrial.releases.release import (
    ENVELOPE,
    EVIDENCE_JSON,
    PACKAGE,
    POLICY_JSON,
    RELEASE_JSON,
    VERDICT_JSON,
    VSA_JSON,
    WAIVERS,
    Release,
    package_digest,
)
from seatrial.releases.source import ReleaseSource
from seatrial.releases.statement import PAYLOAD_TYPE, statement_of
from seatrial.releases.trust import Trust, policy_problem
from seatrial.releases.vsa import verification_summary
from seatrial.releases.waivers import AcceptedWaiver, accept_waivers
from seatrial.stores.artifacts import check_path
from seatrial.stores.documents import from_json, sha256
from seatrial.verdicts.judge import judge
from seatrial.verdicts.plausibility import impossibilities
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.policy.document import read_policy
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.verdict import Outcome, Verdict

MISSED = (Outcome.FAIL, Outcome.INCONCLUSIVE)
SIGNED_LIMIT_BYTES = 16 * 2**20  # of release.json and its envelope: some 100,000 files; nothing says their size before

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a release is not used, and the file (or setting) it is in."""

    path: str
    problem: str
    by_trust: bool = False  # the deployer's own trust file stands against it: nobody need have changed anything


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out. `files` holds exactly the bytes that were hashed, and is empty unless `ok`."""

    label: str
    problems: tuple[Problem, ...]
    release: Release | None = None  # once its signature holds
    digest: str | None = None  # sha256 of release.json
    signer: str | None = None  # the name in trust.toml
    signer_key: str | None = None  # the key's id
    policy: Policy | None = None
    trial: Trial | None = None
    verdict: Verdict | None = None  # judged again, not read
    waivers: tuple[AcceptedWaiver, ...] = ()
    refused_waivers: tuple[Problem, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    untrusted_key: str | None = None  # the id of the key that claims to have signed it, where nobody trusts that one

    @property
    def ok(self) -> bool:
        """It verifies; what its verdict is, is another question."""
        return not self.problems

    @property
    def outcome(self) -> str | None:
        """What it came to ("pass", "fail", "inconclusive"); None where nothing could be judged."""
        return None if self.verdict is None else str(self.verdict.outcome)

    @property
    def refused_by_trust(self) -> bool:
        """Only the deployer's own trust file stands against it."""
        return bool(self.problems) and all(problem.by_trust for problem in self.problems)

    @property
    def waived(self) -> tuple[str, ...]:
        """The requirements that did not pass and are waived now."""
        if self.verdict is None:
            return ()
        excused = {accepted.waiver.requirement for accepted in self.waivers}
        return tuple(
            str(finding.requirement)
            for index, finding in enumerate(self.verdict.findings)
            if finding.outcome in MISSED and index in excused
        )

    @property
    def deployable(self) -> bool:
        """It verifies, something was required, and every requirement that applies passed or is waived now."""
        if not self.ok or self.verdict is None or self.verdict.outcome is None:
            return False
        missed = [finding for finding in self.verdict.findings if finding.outcome in MISSED]
        return len(missed) == len(self.waived)

    @property
    def package(self) -> Mapping[str, bytes]:
        """The model package's files, by path within the package."""
        return {path.removeprefix(PACKAGE): data for path, data in self.files.items() if path.startswith(PACKAGE)}

    def require(self) -> Verification:
        """Itself where it verifies, else `Refused` with every problem."""
        if self.ok:
            return self
        problems = "\n".join(f"  {problem.path}: {problem.problem}" for problem in self.problems)
        hint = "Do not use it before you know why."
        raise Refused(f"does not verify, and is not used:\n{problems}", path=self.label, hint=hint)

    def require_deployable(self) -> Verification:
        """Itself where it may be deployed, else `Refused` with the reason."""
        if not self.require().deployable:
            raise Refused(
                f"the release's verdict is {self.outcome}.",
                path=self.label,
                hint="Release a model that passes, or have each requirement that it missed waived: seatrial waive",
            )
        return self


def verify(
    source: ReleaseSource,
    trust: Trust,
    *,
    now: datetime,
    expect_name: str | None = None,
    expect_version: int | None = None,
) -> Verification:
    """Verifies offline: nothing is believed that the signature, the digests or the judge do not say.

    The name and version that the reference asked for are expected without being named again. Each file is read once.
    Raises `ObjectMissing` when there is no release there, `StoreError` when the store does not answer.
    """
    if source.asked is not None:
        expect_name, expect_version = expect_name or source.asked[0], expect_version or source.asked[1]
    sizes = source.sizes()
    try:
        envelope = _read_unlisted(source, sizes, ENVELOPE)
        payload, key = unseal(envelope, PAYLOAD_TYPE, trust.for_role("release"), path=ENVELOPE)
        document = _read_unlisted(source, sizes, RELEASE_JSON)
        digest = sha256(document)
        release = from_json(Release, document, path=RELEASE_JSON)
        if payload != statement_of(release, digest):
            raise Refused("the file is not the release that was signed.", path=RELEASE_JSON)
    except (Refused, Corrupt) as error:
        # Without a signature there is nothing to hold the other files against, so they are not read at all.
        untrusted = error.key_id if isinstance(error, UntrustedKey) else None
        problem = Problem(error.path or ENVELOPE, _problem_and_hint(error), by_trust=untrusted is not None)
        return Verification(source.label, (problem,), untrusted_key=untrusted)
    files, problems = _read_all(source, release, sizes)
    problems += _identity(release, digest, trust, expect_name, expect_version)
    policy = _policy(files, problems)
    trial = _document(Trial, files, EVIDENCE_JSON, problems)
    written = _document(Verdict, files, VERDICT_JSON, problems)
    verdict: Verdict | None = None
    if policy is not None:
        if (refusal := policy_problem(trust, policy, release.policy)) is not None:
            problems.append(Problem(POLICY_JSON, refusal, by_trust=True))
        if trial is not None and policy.require:
            impossible = [Problem(EVIDENCE_JSON, problem) for problem in impossibilities(trial)]
            problems += [*_evidence(release, trial), *impossible]
            verdict = None if impossible else _judged(policy, trial, problems)
        if verdict is not None:
            problems += _verdict(release, written, verdict)
            problems += _summary(release, files, verdict)
    if not any(problem.path.startswith(PACKAGE) for problem in problems):
        problems += _package(release, files)
    waivers: Sequence[AcceptedWaiver] = ()
    refused: Sequence[tuple[str, str]] = ()
    if policy is not None:
        waivers, refused = accept_waivers(
            source.waivers(digest), trust, release=digest, evidence=release.evidence, policy=policy, now=now
        )
    return Verification(
        label=source.label,
        problems=tuple(problems),
        release=release,
        digest=digest,
        signer=trust.name_of(key),
        signer_key=key.id,
        policy=policy,
        trial=trial,
        verdict=verdict,
        waivers=tuple(waivers),
        refused_waivers=tuple(Problem(path, problem) for path, problem in refused),
        files={} if problems else {**files, RELEASE_JSON: document, ENVELOPE: envelope},
    )


def _read_unlisted(source: ReleaseSource, sizes: Mapping[str, int], path: str) -> bytes:
    if path not in sizes:
        raise Refused("the file is missing.", path=path)
    if sizes[path] > SIGNED_LIMIT_BYTES:
        raise Refused(f"{sizes[path]} bytes are more than it can rightly have; it is not read.", path=path)
    try:
        return source.read(path, sizes[path])
    except ObjectMissing:
        raise Refused("the file is missing.", path=path) from None


def _read_all(
    source: ReleaseSource, release: Release, sizes: Mapping[str, int]
) -> tuple[dict[str, bytes], list[Problem]]:
    files: dict[str, bytes] = {}
    problems = [
        Problem(path, "the file is not among those that were signed.")
        for path in sizes
        if path not in release.files and path not in (RELEASE_JSON, ENVELOPE)
    ]
    for path, entry in release.files.items():
        try:
            check_path(path)
        except InputError:
            problems.append(Problem(path, "a path that leaves its folder; it is not read."))
            continue
        if path in (RELEASE_JSON, ENVELOPE) or path.startswith(WAIVERS):
            problems.append(Problem(path, "a path that is not a file of a release."))
        elif path not in sizes:
            problems.append(Problem(path, "the file is missing."))
        elif sizes[path] != entry.size_bytes:
            problems.append(Problem(path, f"{sizes[path]} bytes, where {entry.size_bytes} were signed."))
        else:
            try:
                data = source.read(path, entry.size_bytes)
            except (Refused, ObjectMissing) as error:
                problems.append(Problem(path, error.problem))
                continue
            if sha256(data) != entry.sha256:
                problems.append(Problem(path, "the content is not what was signed."))
            else:
                files[path] = data
    return files, problems


def _identity(
    release: Release, digest: str, trust: Trust, expect_name: str | None, expect_version: int | None
) -> Iterator[Problem]:
    if expect_name is not None and release.name != expect_name:
        yield Problem(RELEASE_JSON, f"this is {release.title}; {expect_name!r} was asked for.")
    elif expect_version is not None and release.version != expect_version:
        yield Problem(RELEASE_JSON, f"this is {release.title}; version {expect_version} was asked for.")
    lowest = trust.lowest_versions.get(release.name)
    if lowest is not None and release.version < lowest:
        yield Problem(
            RELEASE_JSON,
            f"{release.title} is older than version {lowest}, the lowest that is accepted.",
            by_trust=True,
        )
    if digest in trust.revoked:
        yield Problem(RELEASE_JSON, f"{release.title} was revoked.", by_trust=True)
    for path, recorded in ((EVIDENCE_JSON, release.evidence), (POLICY_JSON, release.policy)):
        if path in release.files and release.files[path].sha256 != recorded:
            yield Problem(path, "release.json names it by another digest than it lists.")
    if release.format != 1:
        yield Problem(RELEASE_JSON, f"format {release.format} is not known here; a newer Seatrial made it.")


def _evidence(release: Release, trial: Trial) -> Iterator[Problem]:
    if trial.model != release.model:
        yield Problem(EVIDENCE_JSON, "the evidence is of another model.")
    if trial.policy != release.policy:
        yield Problem(EVIDENCE_JSON, "the evidence was measured for another policy.")
    if trial.data != "test" or trial.test_use is None:
        yield Problem(EVIDENCE_JSON, f"measured on {trial.data} data, which counts for nothing.")
        return
    if trial.test_use != release.test_data:
        yield Problem(EVIDENCE_JSON, "the evidence is of another use of test data than the release states.")


def _judged(policy: Policy, trial: Trial, problems: list[Problem]) -> Verdict | None:
    if trial.test_use is None:
        return None
    try:
        return judge(policy, trial)
    except Refused as error:  # bounds at a lower confidence than this use of the test data demands
        problems.append(Problem(EVIDENCE_JSON, error.problem))
        return None


def _policy(files: Mapping[str, bytes], problems: list[Problem]) -> Policy | None:
    policy = _document(Policy, files, POLICY_JSON, problems)
    if policy is None:
        return None
    document = _without_null(json.loads(files[POLICY_JSON]))
    checked = read_policy({**document, "require": [_without_null(entry) for entry in document.get("require", [])]})
    if isinstance(checked, Policy):
        return checked
    problems += [Problem(POLICY_JSON, str(mistake.error)) for mistake in checked]
    return None


def _without_null(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a file of TOML would say: a key that has no value is not there."""
    return {key: value for key, value in document.items() if value is not None}


def _verdict(release: Release, written: Verdict | None, verdict: Verdict) -> Iterator[Problem]:
    if release.verdict != str(verdict.outcome):
        yield Problem(RELEASE_JSON, f"it states {release.verdict}; judged again, the verdict is {verdict.outcome}.")
    if written is not None and _findings(written) != _findings(verdict):
        yield Problem(VERDICT_JSON, f"it does not follow from the evidence; judged again: {verdict.outcome}.")


def _findings(verdict: Verdict) -> tuple[str, list[tuple[str, str]]]:
    # Not the wording of reasons: a later version may word them better.
    return str(verdict.outcome), [(str(finding.requirement), str(finding.outcome)) for finding in verdict.findings]


def _summary(release: Release, files: Mapping[str, bytes], verdict: Verdict) -> Iterator[Problem]:
    package = {path.removeprefix(PACKAGE): data for path, data in files.items() if path.startswith(PACKAGE)}
    expected = verification_summary(
        title=release.title,
        created=release.created,
        package=package,
        policy=release.policy,
        evidence=release.evidence,
        verdict=str(verdict.outcome),
    )
    stated_files = {path for path in release.files if path.startswith(PACKAGE)}
    if VSA_JSON in files and len(package) == len(stated_files) and files[VSA_JSON] != expected:
        yield Problem(VSA_JSON, "it does not say what the verdict says.")


def _package(release: Release, files: Mapping[str, bytes]) -> Iterator[Problem]:
    package = {path.removeprefix(PACKAGE): data for path, data in files.items() if path.startswith(PACKAGE)}
    if package_digest(package) != release.model:
        yield Problem(PACKAGE, "these files are not the model that the release names.")


def _document(kind: type[T], files: Mapping[str, bytes], path: str, problems: list[Problem]) -> T | None:
    if path not in files:
        if not any(problem.path == path for problem in problems):
            problems.append(Problem(path, "the file is not among those that were signed."))
        return None
    try:
        return from_json(kind, files[path], path=path)
    except SeatrialError as error:
        problems.append(Problem(path, _problem_and_hint(error)))
        return None


def _problem_and_hint(error: SeatrialError) -> str:
    return error.problem + ("" if error.hint is None else f" {error.hint}")
