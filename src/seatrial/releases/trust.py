"""Whom and what the deployer trusts. It comes from the deployer's own file, never from the store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from seatrial.errors import InputError, Problems, Refused, SeatrialError
from seatrial.releases.keys import PublicKey, Role, SigningKey, ensure_key, find_key, write_new
from seatrial.stores.toml_positions import Place, line_of, read_toml
from seatrial.verdicts.policy import Policy, Requirement

TRUST_FILE = "trust.toml"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, what it may sign, and whose it is."""

    role: Role
    name: str
    key: str  # "ed25519:…"


@dataclass(frozen=True, slots=True)
class Minimum:
    """What a policy must demand at least to be accepted, whatever else it demands."""

    require: tuple[Requirement, ...]
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Trust:
    """The content of trust.toml.

    A policy is accepted when its digest is listed, or when it demands at least the minimum; with neither in the file,
    any policy that demands something is.
    """

    keys: tuple[TrustedKey, ...] = ()
    accepted_policies: tuple[str, ...] = ()  # sha256 of policy.json
    minimum: Minimum | None = None
    lowest_versions: Mapping[str, int] = field(default_factory=dict)  # by release name
    revoked: tuple[str, ...] = ()  # sha256 of release.json

    def for_role(self, role: Role) -> tuple[PublicKey, ...]:
        """The keys trusted for that role."""
        return tuple(PublicKey(entry.key) for entry in self.keys if entry.role == role)

    def name_of(self, key: PublicKey) -> str:
        """Whose key it is."""
        return next(entry.name for entry in self.keys if entry.key == key.text)


def load_trust(path: Path) -> Trust:
    """Reads trust.toml; `Refused` when there is none, `Problems` with every mistake and its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refused(
            "the trust file does not exist, so nobody's releases are trusted here.",
            path=str(path),
            hint="Ask whoever releases for the output of `seatrial keys export`, and put it into that file.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file cannot be read: {error}.", path=str(path), hint="Correct the file.") from None
    return parse_trust(text, str(path))


def parse_trust(text: str, path: str) -> Trust:
    """The trust that `text` states; `Problems` with every mistake and its line."""
    import pydantic

    document, positions = read_toml(text, path)
    try:
        # Through JSON: there lists may be tuples, and everything else stays strict.
        trust = pydantic.TypeAdapter(Trust).validate_json(
            json.dumps(document, default=str), strict=True, extra="forbid"
        )
    except pydantic.ValidationError as error:
        mistakes = [
            (tuple(mistake["loc"]), _wording(mistake["type"], mistake["loc"], mistake["msg"]))
            for mistake in error.errors(include_url=False, include_input=False)
        ]
    else:
        mistakes = list(_mistakes(trust))
        if not mistakes:
            return trust
    problems: list[SeatrialError] = [
        InputError(f"{_dotted(place)}: {problem}", path=path, line=line_of(positions, place))
        for place, problem in mistakes
    ]
    raise Problems(problems)


def trust_own_key(home: Path, key: SigningKey) -> Path | None:
    """Makes a trust.toml that trusts `key` alone, where there is none; None where there is one already.

    This proves nothing about who made a release: it only says that what this account signed is used by this account.
    """
    path = home / TRUST_FILE
    entry = as_trust_entry(key.role, f"{key.role} key of this account", key.public)
    comment = (
        "# Made with the key itself: this account uses what it signed. Other machines need the key put there by hand."
    )
    return path if write_new(path, f"{comment}\n{entry}".encode()) else None


def ready_to_release(home: Path) -> tuple[str, ...]:
    """Makes the release key where there is none, and a trust.toml that trusts it where there is none.

    Returns what to tell about what was made; nothing where both were there.
    """
    is_new = find_key(home, "release") is None
    key = ensure_key(home, "release")
    trust_file = trust_own_key(home, key)
    notes = []
    if is_new:
        notes.append(f"Made a release key: {key.path}. Whoever can read that file can sign releases as you.")
    if trust_file is not None:
        notes.append(
            f"Made {trust_file}, which trusts it: this account accepts what it signed itself. That shows that "
            "a release was not changed since, not that anybody else looked at it. Other machines need the output of "
            "`seatrial keys export` in their own trust.toml."
        )
    elif is_new:
        notes.append(f"{home / TRUST_FILE} does not trust it yet: append the output of `seatrial keys export` to it.")
    return tuple(notes)


def as_trust_entry(role: Role, name: str, key: PublicKey) -> str:
    """The lines of trust.toml that trust a key; they can be appended to any such file."""
    return f'[[keys]]\nrole = "{role}"\nname = {json.dumps(name, ensure_ascii=False)}\nkey = "{key.text}"\n'


def policy_problem(trust: Trust, policy: Policy, digest: str) -> str | None:
    """Why this policy is not accepted, or None."""
    if not policy.require:
        return "the policy demands nothing; such a release is never used."
    if digest in trust.accepted_policies or (trust.minimum is None and not trust.accepted_policies):
        return None
    if trust.minimum is None:
        return f"the trust file does not accept this policy ({digest[:12]}…)."
    if policy.confidence < trust.minimum.confidence:
        return (
            f"the policy's confidence {policy.confidence:g} is below the trust file's minimum "
            f"{trust.minimum.confidence:g}."
        )
    for demanded in trust.minimum.require:
        if not any(_covers(requirement, demanded) for requirement in policy.require):
            return f"the policy does not demand {demanded}, as the trust file does."
    return None


def _covers(requirement: Requirement, demanded: Requirement) -> bool:
    if requirement.claim != demanded.claim:
        return False
    if demanded.no_worse_than is not None:
        return (requirement.margin or 0.0) <= (demanded.margin or 0.0)
    low = demanded.at_least is None or (requirement.at_least is not None and requirement.at_least >= demanded.at_least)
    high = demanded.at_most is None or (requirement.at_most is not None and requirement.at_most <= demanded.at_most)
    return low and high


def _mistakes(trust: Trust) -> Iterator[tuple[Place, str]]:
    first_index: dict[str, int] = {}
    for index, entry in enumerate(trust.keys):
        try:
            PublicKey(entry.key)
        except InputError as error:
            yield ("keys", index, "key"), str(error)
        if entry.key in first_index:
            yield (
                ("keys", index, "key"),
                f"the same key as keys {first_index[entry.key]}; a key has one role and one name.",
            )
        first_index.setdefault(entry.key, index)
        if not entry.name.strip():
            yield ("keys", index, "name"), "say whose key it is."
    for field_name in ("accepted_policies", "revoked"):
        for index, digest in enumerate(getattr(trust, field_name)):
            if not _DIGEST.fullmatch(digest):
                yield (field_name, index), f"{digest!r} is not a sha256 in 64 hex digits."
    for name, version in trust.lowest_versions.items():
        if version < 1:
            yield ("lowest_versions", name), "versions start at 1."
    if trust.minimum is not None:
        if not 0 < trust.minimum.confidence < 1:
            yield ("minimum", "confidence"), "a confidence lies between 0 and 1."
        if not trust.minimum.require:
            yield ("minimum", "require"), "name at least one requirement, or leave [minimum] out."
        for index, requirement in enumerate(trust.minimum.require):
            if (requirement.at_least, requirement.at_most, requirement.no_worse_than) == (None, None, None):
                yield ("minimum", "require", index), "write at_least, at_most or no_worse_than."


_KNOWN = {
    (): Trust,
    ("keys",): TrustedKey,
    ("minimum",): Minimum,
    ("minimum", "require"): Requirement,
}


def _wording(kind: str, place: tuple[int | str, ...], message: str) -> str:
    if kind != "unexpected_keyword_argument":
        return f"{message[:1].lower()}{message[1:]}."
    table: Any = _KNOWN.get(tuple(part for part in place[:-1] if isinstance(part, str)))
    close = get_close_matches(str(place[-1]), [item.name for item in fields(table)] if table else [], n=1)
    return "unknown key." + (f' Did you mean "{close[0]}"?' if close else "")


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place) or "the file"
