"""DSSE envelopes (github.com/secure-systems-lab/dsse, version 1): the one form in which anything here is signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

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
    try:
        document = json.loads(data)
        (entry,) = document["signatures"]
        members = (set(document), set(entry)) == (_ENVELOPE_MEMBERS, _SIGNATURE_MEMBERS)
        well_formed = members and document["payloadType"] == payload_type and _canonical(document) == data
        payload, signature, key_id = _decoded(document["payload"]), _decoded(entry["sig"]), str(entry["keyid"])
    except Exception:  # noqa: BLE001 - a stranger's bytes: whatever the parser trips over, the answer is the same
        well_formed = False
    if not well_formed:
        raise Refused(f"the file is not a DSSE envelope of {payload_type} with one signature.", path=path)
    key = next((key for key in trusted if key.id == key_id), None)
    if key is None:
        raise UntrustedKey(key_id, path=path)
    if not key.signed(_pre_authentication_encoding(payload_type, payload), signature):
        raise Refused(f"the signature is not by key {key_id[:12]}… over this content.", path=path)
    return payload, key


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """PAE of the DSSE protocol, version 1: what is signed, type and content each with its length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _decoded(text: str) -> bytes:
    """The bytes of standard base64 (RFC 4648, section 4) in its one permitted form, else `ValueError`."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("unused bits are set")
    return data


def _canonical(document: object) -> bytes:
    return (json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n").encode()
