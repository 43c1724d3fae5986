"""Signing keys, one of each role, in the user's own folder; and what they sign."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from seatrial.errors import InputError, Refused

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

KEYS = "keys"  # the folder under SEATRIAL_HOME
PRIVATE_FILE_MODE = 0o600
PRIVATE_FOLDER_MODE = 0o700
_PUBLIC = re.compile(r"ed25519:[0-9a-f]{64}")


# What a key may sign. A key has one role, so that nobody who releases can also excuse.
Role = Literal["release", "waiver", "sign-off"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key (RFC 8032), written `ed25519:` and 64 hex digits."""

    text: str

    def __post_init__(self) -> None:
        if not _PUBLIC.fullmatch(self.text):
            raise InputError(
                f"{self.text!r} is not a public key.",
                hint='Write "ed25519:" and 64 hex digits, as `keys export` prints.',
            )

    @property
    def id(self) -> str:
        """The sha256 of the 32 bytes: names the key in envelopes and listings, and proves nothing."""
        return hashlib.sha256(bytes.fromhex(self.text.removeprefix("ed25519:"))).hexdigest()

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's of `message`. Bytes that are no point of the curve sign nothing.

        By the library that securesystemslib calls too, whose signers load every cloud's client: 0.45 s a command.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.text.removeprefix("ed25519:"))).verify(
                signature, message
            )
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, its role, and where it lies. Its repr shows the public part only."""

    role: Role
    public: PublicKey
    path: Path
    signer: CryptoSigner = field(repr=False, compare=False)


def seatrial_home(environment: Mapping[str, str]) -> Path:
    """Where keys and trust live: SEATRIAL_HOME, or ~/.config/seatrial."""
    return Path(environment.get("SEATRIAL_HOME") or Path.home() / ".config" / "seatrial")


def key_path(home: Path, role: Role) -> Path:
    """The private key's file."""
    return home / KEYS / f"{role}.pem"


def find_key(home: Path, role: Role) -> SigningKey | None:
    """The key of that role, or None; `Refused` when its file is open to others or holds something else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    path = key_path(home, role)
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"the key cannot be read: {error.strerror}.", path=str(path), hint="Correct its owner.") from None
    # Group is allowed: a Kubernetes Secret mounted with an fsGroup is 0440.
    if mode & 0o007:
        raise Refused(
            f"anybody on this machine can use this key (mode {mode:04o}).",
            path=str(path),
            hint=f"Run `chmod 600 {path}`; if others may have read it, make a new key and stop trusting this one.",
        )
    try:
        private = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise Refused(
            "the file is not an unencrypted Ed25519 private key in PEM form.",
            path=str(path),
            hint=f"Restore it from a copy, or move it away and run `seatrial keys new --role {role}`.",
        )
    return SigningKey(
        role, PublicKey(f"ed25519:{private.public_key().public_bytes_raw().hex()}"), path, CryptoSigner(private)
    )


def require_key(home: Path, role: Role) -> SigningKey:
    """The key of that role; `InputError`, with the way to one, when there is none."""
    key = find_key(home, role)
    if key is None:
        raise InputError(
            f"the {role} key does not exist.",
            path=str(key_path(home, role)),
            hint=f"Make one: seatrial keys new --role {role}",
        )
    return key


def new_key(home: Path, role: Role) -> SigningKey:
    """Makes the key of that role; `InputError` when there is one."""
    path = key_path(home, role)
    if path.exists() or not _create(home, role):
        raise InputError(
            f"there is a {role} key already.",
            path=str(path),
            hint="To replace it, move that file away; what it signed stays valid where it is trusted.",
        )
    return ensure_key(home, role)


def ensure_key(home: Path, role: Role) -> SigningKey:
    """The key of that role, made now if there is none; two processes at once end with one key."""
    if (key := find_key(home, role)) is not None:
        return key
    _create(home, role)
    key = find_key(home, role)
    if key is None:
        raise Refused("the key that was just made is gone.", path=str(key_path(home, role)), hint="Run it again.")
    return key


def write_new(path: Path, content: bytes) -> bool:
    """Writes a private file whole, unless there is one; False when there was, or when another came first."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, a link never replaces what is there
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror}.",
            path=str(path),
            hint="Set SEATRIAL_HOME to a folder of yours.",
        ) from None
    return True


def _create(home: Path, role: Role) -> bool:
    from securesystemslib.signer import CryptoSigner

    return write_new(key_path(home, role), CryptoSigner.generate_ed25519().private_bytes)
