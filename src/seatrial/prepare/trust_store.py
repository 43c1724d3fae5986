"""The certificates that Spark's JVM trusts, as the file that Java wants."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

from seatrial.prepare.conf import TRUST_STORE_PASSWORD
from seatrial.stores.s3_connection import trusting


def write_trust_store(authorities: Iterable[Path], folder: Path) -> Path:
    """A PKCS #12 file of the system's authorities and of private ones, which are files in PEM form."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
    from cryptography.utils import CryptographyDeprecationWarning

    trusted = {der for ca in authorities for der in trusting(ca).get_ca_certs(binary_form=True)}
    with warnings.catch_warnings():  # about a serial number of 0, which one of the system's authorities has
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        entries = [
            pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), f"authority-{number}".encode())
            for number, der in enumerate(sorted(trusted))
        ]
    encrypted = BestAvailableEncryption(TRUST_STORE_PASSWORD.encode())
    path = folder / "authorities.p12"
    path.write_bytes(pkcs12.serialize_java_truststore(entries, encrypted))
    return path
