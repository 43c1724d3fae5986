"""What an S3 server says when it refuses, and what to do about it.

Only codes and the region are passed on: a server's message can repeat keys and signatures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from seatrial.errors import StoreError

# "List of error codes", Amazon S3 API reference.
KEY_REFUSED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "InvalidToken", "InvalidTokenId"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
CLOCK = {"RequestTimeTooSkewed"}
REGION = {
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "PermanentRedirect",
    "IllegalLocationConstraintException",
    "InvalidRegion",
}
FULL = {"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "XMinioDiskFull"}

_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
# AWS and MinIO say it in words, AWS in <Region> as well.
_REGION = re.compile(r"<Region>([a-z0-9-]{2,40})</Region>|expecting (?:'|&#39;|&apos;|\\')([a-z0-9-]{2,40})\b")


@dataclass(frozen=True, slots=True)
class S3Refusal:
    """The code of an S3 error, "" where there is none, and the region that the server wants instead."""

    code: str = ""
    region: str | None = None


def read_refusal(body: str | bytes) -> S3Refusal:
    """The refusal that an answer, or a client's message that quotes it, holds."""
    text = body if isinstance(body, str) else body.decode(errors="replace")
    code, region = _CODE.search(text), _REGION.search(text)
    return S3Refusal(code.group(1) if code else "", (region.group(1) or region.group(2)) if region else None)


def refusal_error(refusal: S3Refusal, where: str, *, path: str, refused: bool = False) -> StoreError:
    """The error that tells what a refusal means; `refused` where its status alone says that it is about the keys."""
    code = refusal.code
    if code in CLOCK:
        return StoreError(
            f"this machine's clock differs too much from the store's ({code}; {where}).",
            path=path,
            hint="Set the clock (`timedatectl`, `chronyc tracking`), or that of the store's machine; then run again.",
        )
    if code in REGION or (refusal.region is not None and not refused):
        region = "" if refusal.region is None else f', "{refusal.region}"'
        return StoreError(
            f"requests were signed for another region than the store's{region} ({code}; {where}).",
            path=path,
            hint=f'Set the store\'s `region = "{refusal.region or "…"}"`, or AWS_REGION where no profile states it.',
        )
    if code in EXPIRED:
        return StoreError(
            f"the session token has expired ({code}; {where}).",
            path=path,
            hint="Get new temporary credentials, with their session token; then run again.",
        )
    if code in FULL:
        return StoreError(f"the store's disk is full ({where}).", path=path, hint="Free space there, then run again.")
    if code in KEY_REFUSED or refused:
        return StoreError(
            f"the store refused the credentials ({code or 'forbidden'}; {where}).",
            path=path,
            hint="Check the access key, its secret, a session token, and what they may do in this bucket.",
        )
    return StoreError(
        f"the store failed ({f'{code}; ' if code else ''}{where}).",
        path=path,
        hint="Look at the store's own log; then run again.",
    )
