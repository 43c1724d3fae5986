"""`seatrial verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Directory, Json, Profile, Trust
from seatrial.cli.output import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.releases.verify import Verification

REFUSED, NOT_PASSED, WAIVED = 1, 3, 4

Expect = Annotated[
    str | None,
    Parameter(help="The name, or name@version, that a folder must hold. A store's release is held to its own."),
]


def command(
    release: str | None = None,
    /,
    *,
    expect: Expect = None,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    json: Json = False,
) -> int:
    """Check digests, signature and trust, and judge the evidence again.

    Without RELEASE: the project's newest. An exported folder needs no project, store or network.
    Exit status: 0 it passed; 1 it does not verify; 3 its verdict is fail or inconclusive; 4 the same, but waived.

    For example:

        seatrial verify census@2
        seatrial verify ./census-2 --expect census@2 --trust trust.toml
    """
    from seatrial.pipeline.open_release import verified_release
    from seatrial.releases.source import parse_title

    name, version = parse_title(expect) if expect else (None, None)
    verified = verified_release(
        release, directory=directory, profile=profile, trust=trust, expect_name=name, expect_version=version
    )
    if json:
        print_json(
            {
                "ok": verified.ok,
                "release": verified.release.title if verified.release else verified.label,
                "digest": verified.digest,
                "verdict": verified.outcome,
                "deployable": verified.deployable,
                "waived": list(verified.waived),
                "problems": [{"path": problem.path, "problem": problem.problem} for problem in verified.problems],
            }
        )
    else:
        print_lines(*_lines(verified, Call(profile=profile, directory=directory, trust=trust)))
    if not verified.ok:
        return REFUSED
    if verified.outcome == "pass":
        return 0
    return WAIVED if verified.deployable else NOT_PASSED


def _lines(verified: Verification, call: Call) -> Iterator[str]:
    if not verified.ok:  # nothing good is said of what is not used
        yield f"{verified.label}: DOES NOT VERIFY, and is not used."
        yield from (f"  {problem.path}: {problem.problem}" for problem in verified.problems)
        yield f"Next: {_next_after_refusal(verified, call)}"
        return
    if verified.release is not None:
        release = verified.release
        use = release.test_data
        yield f"{release.title}  sha256 {verified.digest}"
        yield f"  signed by  {verified.signer} (key {(verified.signer_key or '')[:12]}…), {release.created}"
        yield f"  measured   on {use.rows} rows, use {use.use} of test data {use.digest[:12]}…"
    for finding in verified.verdict.findings if verified.verdict else ():
        waived = "  (waived)" if str(finding.requirement) in verified.waived else ""
        yield f"  {finding.outcome:12} {finding.requirement}{waived}"
    for accepted in verified.waivers:
        waiver = accepted.waiver
        yield f"  waiver     until {waiver.expires} by {accepted.signer}: {waiver.text}: {waiver.reason}"
    for refused in verified.refused_waivers:
        yield f"  no waiver  {refused.path}: {refused.problem}"
    yield f"Verifies. Judged again, the verdict is {verified.outcome}."
    if verified.deployable:
        until = f" until {min(accepted.waiver.expires for accepted in verified.waivers)}" if verified.waived else ""
        yield f"It can be deployed{until}."
        yield f"Next: {call.then('serve', verified.label)}"
    else:
        yield "It cannot be deployed."
        yield f"Next: {call.then('report', verified.label)}"


def _next_after_refusal(verified: Verification, call: Call) -> str:
    """What helps: trust settings where only those stand against it, another copy where the content does."""
    if verified.untrusted_key is not None:
        return (
            f"ask whoever released it whether key {verified.untrusted_key[:12]}… is theirs; if so, append what their "
            "`seatrial keys export` prints to your trust.toml"
        )
    if verified.refused_by_trust:
        return f"use a release that your trust.toml accepts, or change what it demands: {call.then('releases')}"
    again = Call(profile=call.profile, directory=call.directory, no_cache=True).then("run")
    return f"find out who changed it; without another copy, a new version is made by: {again}"
