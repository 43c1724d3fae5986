"""Certificates by which the parts of one running server know each other, and nobody else.

They are made anew at every start, in a folder that is closed to other users and goes with the server. The key that
signs them is never written down, so no further certificate of theirs can be made.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

VALID_FOR = timedelta(days=3650)  # a server that is in use for longer has to be started again
CLOCK_MARGIN = timedelta(days=2)  # the machine's clock may be set back meanwhile


@dataclass(frozen=True, slots=True)
class PartCertificate:
    """The files that every part of the server is started with."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path, host: str) -> PartCertificate:
    """A fresh authority and one certificate of it for `host`, for servers and clients alike; files of mode 0600."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    authority_key, part_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = name("embedded store")

    def certificate(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_MARGIN)
            .not_valid_after(now + VALID_FOR)
        )

    authority = certificate(issuer, authority_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    part = (
        certificate(name("embedded store's part"), part_key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
    )
    pem = serialization.Encoding.PEM
    written = PartCertificate(folder / "authority.pem", folder / "part.pem", folder / "part.key")
    _write(written.authority, authority.sign(authority_key, hashes.SHA256()).public_bytes(pem))
    _write(written.certificate, part.sign(authority_key, hashes.SHA256()).public_bytes(pem))
    _write(
        written.key,
        part_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return written


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
