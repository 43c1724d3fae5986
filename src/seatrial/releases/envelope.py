"""DSSE envelopes (github.com/secure-systems-lab/dsse, version 1): the one form in which anything here is signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from seatrial.errors import Refused
from seatrial.releases.keys import PublicKey, SigningKey

_ENVELOPE_MEMBERS = {"payload", "payloadType", "signatures"}
_SIGNATURE_MEMBERS = {"keyid", "sig"}


class UntrustedKey(Refused):
    """The signature names a key (`key_id`) that the deployer does not trust for this role."""

    def __init__(self, key_id: str, *, path: str) -> None:
        super().__init__(
            f"signed by key {key_id[:12]}…, which is not trusted for this.",
            path=path,
            hint="If you know whose key that is, add its public part to trust.toml.",
        )
        self.key_id = key_id


def seal(payload: bytes, payload_type: str, key: SigningKey) -> bytes:
    """The envelope's file: `payload` under one signature."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(payload, payload_type, {})
    signature = envelope.sign(key.signer)
    signature.keyid = key.public.id
    envelope.signatures = {key.public.id: signature}
    return _canonical(envelope.to_dict())


def unseal(data: bytes, payload_type: str, trusted: Sequence[PublicKey], *, path: str) -> tuple[bytes, PublicKey]:
    """The payload and the trusted key that signed it; `Refused` for anything else.

    The file has one permitted form, to the byte: a changed space or an unused bit of its base64 is refused too.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    try:
        document = json.loads(data)
        envelope = Envelope.from_dict(json.loads(data))
        well_formed = _canonical(document) == data == _canonical(envelope.to_dict()) and _has_no_more(document)
    except Exception:  # noqa: BLE001 - a stranger's bytes: whatever the parsers trip over, the answer is the same
        well_formed = False
    if not well_formed or len(envelope.signatures) != 1 or envelope.payload_type != payload_type:
        raise Refused(f"not a DSSE envelope of {payload_type} with one signature.", path=path)
    (key_id,) = envelope.signatures
    key = next((key for key in trusted if key.id == key_id), None)
    if key is None:
        raise UntrustedKey(key_id, path=path)
    try:
        envelope.verify([key.for_verifying()], 1)
    except VerificationError:
        raise Refused(f"the signature is not by key {key_id[:12]}… over this content.", path=path) from None
    return envelope.payload, key


def _has_no_more(document: dict[str, Any]) -> bool:
    """Whether no member stands beside what is verified: securesystemslib keeps those that it does not know."""
    return set(document) == _ENVELOPE_MEMBERS and all(set(one) == _SIGNATURE_MEMBERS for one in document["signatures"])


def _canonical(document: object) -> bytes:
    return (json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n").encode()
