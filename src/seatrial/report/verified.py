"""A release that verifies, as what the page shows."""

from __future__ import annotations

from seatrial.errors import Refused
from seatrial.models.provenance import Provenance
from seatrial.models.signature import Signature
from seatrial.releases.verify import Verification
from seatrial.report.view import ReportView, WaiverNote
from seatrial.report.words import moment
from seatrial.stores.documents import from_json

_PROVENANCE = "provenance.json"
_SIGNATURE = "signature.json"


def view_of(verified: Verification, *, made_with: str) -> ReportView:
    """What the page of this release shows, made with that version of Seatrial.

    `Refused` where it does not verify: a page would make it look like one that does.
    """
    verified.require()
    release, policy, trial, verdict = verified.release, verified.policy, verified.trial, verified.verdict
    if release is None or policy is None or trial is None or verdict is None:
        raise Refused(
            "a report needs a verdict; the policy of this release demands nothing.",
            path=verified.label,
            hint="Give it a policy that asks.",
        )
    return ReportView(
        name=release.name,
        version=release.version,
        digest=verified.digest,
        created=release.created,
        verdict=verdict,
        policy=policy,
        trial=trial,
        provenance=from_json(Provenance, verified.package[_PROVENANCE], path=_PROVENANCE),
        signature=from_json(Signature, verified.package[_SIGNATURE], path=_SIGNATURE),
        made_with=made_with,
        waivers=tuple(
            WaiverNote(
                accepted.waiver.text,
                accepted.waiver.reason,
                moment(accepted.waiver.expires),
                f"{accepted.signer}, {accepted.key_id[:12]}",
            )
            for accepted in verified.waivers
        ),
        waived=verified.deployable and bool(verified.waived),
        signature_key=verified.signer_key,
        signer=verified.signer,
        reproduce=_commands(release.title),
    )


def _commands(title: str) -> tuple[str, ...]:
    folder = f"./{title.replace('@', '-')}"
    return (
        f"seatrial verify {title}                # digests, signature and trust; the evidence judged again",
        f"seatrial export {title} {folder}    # the same as a folder, to check without the store",
        "seatrial run --no-cache                # in the project at that code digest, with those parameters",
    )
