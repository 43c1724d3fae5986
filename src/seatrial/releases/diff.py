"""What changed between two releases: data, code, parameters, evidence, policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.errors import Corrupt
from seatrial.releases.release import PACKAGE
from seatrial.releases.verify import Verification
from seatrial.verdicts.evidence import Evidence
from seatrial.verdicts.trial import Trial

_PROVENANCE = f"{PACKAGE}provenance.json"
_NO_CHANGE_OF_ITS_OWN = ("step_key", "format")  # the key follows from code, data, parameters and libraries


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` or `after` is None where one side has nothing there."""

    part: str  # "verdict", "policy", "code", "data", "parameters", "python", "libraries", "model", "evidence"
    what: str
    before: str | None
    after: str | None


def diff_releases(before: Verification, after: Verification) -> tuple[Change, ...]:
    """The differences of two verified releases, part by part; `Refused` where one does not verify."""
    before.require()
    after.require()
    return tuple(
        change
        for change in (
            *_verdicts(before, after),
            *_policies(before, after),
            *_provenance(before, after),
            *_models(before, after),
            *_evidence(before, after),
        )
        if change.before != change.after
    )


def _verdicts(before: Verification, after: Verification) -> Iterator[Change]:
    yield Change("verdict", "verdict", before.outcome, after.outcome)
    findings = [
        {str(finding.requirement): str(finding.outcome) for finding in (side.verdict.findings if side.verdict else ())}
        for side in (before, after)
    ]
    for requirement in {**findings[0], **findings[1]}:
        yield Change("verdict", requirement, findings[0].get(requirement), findings[1].get(requirement))


def _policies(before: Verification, after: Verification) -> Iterator[Change]:
    if before.policy is None or after.policy is None:
        return
    yield Change("policy", "confidence", f"{before.policy.confidence:g}", f"{after.policy.confidence:g}")
    old, new = ([str(entry) for entry in policy.require] for policy in (before.policy, after.policy))
    for requirement in dict.fromkeys([*old, *new]):
        yield Change(
            "policy",
            f"requires {requirement}",
            "yes" if requirement in old else None,
            "yes" if requirement in new else None,
        )


def _provenance(before: Verification, after: Verification) -> Iterator[Change]:
    old, new = (dict(_leaves(_read_provenance(side), ())) for side in (before, after))
    for place in dict.fromkeys([*old, *new]):
        if place[0] not in _NO_CHANGE_OF_ITS_OWN:
            yield Change(place[0], ".".join(place[1:]) or place[0], old.get(place), new.get(place))


def _models(before: Verification, after: Verification) -> Iterator[Change]:
    old, new = ({} if side.release is None else side.release.files for side in (before, after))
    for path in sorted({*old, *new}):
        if path.startswith(PACKAGE) and path != _PROVENANCE:
            yield Change(
                "model",
                path,
                None if path not in old else old[path].sha256,
                None if path not in new else new[path].sha256,
            )


def _evidence(before: Verification, after: Verification) -> Iterator[Change]:
    uses = [
        f"use {side.release.test_data.use} of {side.release.test_data.digest}, {side.release.test_data.rows} rows"
        for side in (before, after)
        if side.release is not None
    ]
    yield Change("evidence", "test data", uses[0], uses[-1])
    old, new = (_measured(side.trial) for side in (before, after))
    for place in dict.fromkeys([*old, *new]):
        yield Change("evidence", ", ".join(place), old.get(place), new.get(place))


def _measured(trial: Trial | None) -> dict[tuple[str, str], str]:
    if trial is None:
        return {}
    measured = {(str(evidence.claim), evidence.slice): _interval(evidence) for evidence in trial.evidence}
    return measured | {(str(gap.claim), gap.slice): f"not measured: {gap.reason}" for gap in trial.not_measured}


def _interval(evidence: Evidence) -> str:
    flags = "".join(f", {flag.code}" for flag in evidence.flags)
    return f"{evidence.estimate:.4g} ({evidence.low:.4g} to {evidence.high:.4g}{flags})"


def _read_provenance(side: Verification) -> Mapping[str, Any]:
    try:
        document = json.loads(side.files.get(_PROVENANCE, b"{}"))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Corrupt("the file is not a JSON object.", path=_PROVENANCE)
    return document


def _leaves(value: object, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*place, str(key)))
    elif isinstance(value, list) and value and all(isinstance(entry, dict) and "name" in entry for entry in value):
        for entry in value:  # the data snapshots: compared by name, not by position
            yield from _leaves(
                {key: inner for key, inner in entry.items() if key != "name"}, (*place, str(entry["name"]))
            )
    elif place and value is not None:  # what nobody knows is not there
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
