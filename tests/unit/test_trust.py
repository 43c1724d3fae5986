from __future__ import annotations

import re
from pathlib import Path

import pytest

from seatrial.errors import InputError, Problems, Refused
from seatrial.releases.keys import find_key, new_key
from seatrial.releases.trust import (
    Minimum,
    Trust,
    TrustedKey,
    as_trust_entry,
    load_trust,
    parse_trust,
    policy_problem,
    ready_to_release,
    trust_own_key,
)
from seatrial.verdicts.policy import Policy, Requirement

KEY = "ed25519:" + "0a" * 32
DIGEST = "ab" * 32
FULL = f"""\
revoked = ["{DIGEST}"]
accepted_policies = ["{DIGEST}"]

[[keys]]
role = "release"
name = "the census team"
key = "{KEY}"

[lowest_versions]
census = 3

[minimum]
confidence = 0.9
[[minimum.require]]
metric = "accuracy"
at_least = 0.8
"""


def test_a_full_file_is_read() -> None:
    assert parse_trust(FULL, "trust.toml") == Trust(
        keys=(TrustedKey("release", "the census team", KEY),),
        accepted_policies=(DIGEST,),
        minimum=Minimum((Requirement("accuracy", at_least=0.8),), 0.9),
        lowest_versions={"census": 3},
        revoked=(DIGEST,),
    )


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("revoked =", "revokked =", 1, 'Did you mean "revoked"'),
        (f'["{DIGEST}"]', '["abc"]', 1, "64 hex digits"),
        ('role = "release"', 'role = "captain"', 5, "release"),
        ('role = "release"', 'role = "release"\nroll = 1', 6, "unknown key"),
        (KEY, KEY[:-1], 7, "not a public key"),
        ('name = "the census team"', 'name = " "', 6, "whose key"),
        ("census = 3", "census = 0", 10, "start at 1"),
        ("census = 3", 'census = "3"', 10, "integer"),
        ("confidence = 0.9", "confidence = 95", 13, "between 0 and 1"),
        ("at_least = 0.8", "", 14, "at_least, at_most or no_worse_than"),
    ],
)
def test_each_mistake_names_its_line(before: str, after: str, line: int, words: str) -> None:
    with pytest.raises(Problems, match=words) as caught:
        parse_trust(FULL.replace(before, after, 1), "trust.toml")
    assert [(error.path, error.line) for error in caught.value.errors] == [("trust.toml", line)]


def test_one_key_in_two_roles_is_refused() -> None:
    text = (
        f'[[keys]]\nrole = "release"\nname = "a"\nkey = "{KEY}"\n[[keys]]\nrole = "waiver"\nname = "b"\nkey = "{KEY}"\n'
    )
    with pytest.raises(Problems, match="one role"):
        parse_trust(text, "trust.toml")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Problems) as caught:
        parse_trust('a = 1\nb = 2\n[[keys]]\nrole = "release"\n', "trust.toml")
    assert len(caught.value.errors) == 4


def test_a_missing_file_trusts_nobody_and_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="seatrial keys export"):
        load_trust(tmp_path / "trust.toml")


def test_a_file_that_is_no_text_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "trust.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        load_trust(tmp_path / "trust.toml")


def test_an_account_may_trust_its_own_key_but_never_replaces_a_file(tmp_path: Path) -> None:
    key = new_key(tmp_path, "release")
    made = trust_own_key(tmp_path, key)
    assert made is not None
    assert load_trust(made).for_role("release") == (key.public,)
    assert trust_own_key(tmp_path, new_key(tmp_path, "waiver")) is None
    assert load_trust(made).for_role("waiver") == ()


def test_the_first_release_makes_a_key_and_the_trust_in_it_and_says_what_that_is_worth(tmp_path: Path) -> None:
    told = ready_to_release(tmp_path)
    key = find_key(tmp_path, "release")
    assert key is not None
    assert load_trust(tmp_path / "trust.toml").for_role("release") == (key.public,)
    assert any("this account accepts what it signed itself" in line for line in told)
    assert ready_to_release(tmp_path) == ()


def test_an_older_trust_file_is_left_alone_and_the_untrusted_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "trust.toml").write_text("")
    assert "does not trust it yet" in ready_to_release(tmp_path)[1]
    assert (tmp_path / "trust.toml").read_text() == ""


def test_an_entry_can_be_appended_to_any_file(tmp_path: Path) -> None:
    waiver = new_key(tmp_path, "waiver")
    trust = parse_trust(FULL + as_trust_entry("waiver", 'the "risk" team', waiver.public), "trust.toml")
    assert trust.for_role("waiver") == (waiver.public,)
    assert trust.name_of(waiver.public) == 'the "risk" team'


STRICT = Requirement("accuracy", at_least=0.9)
MINIMUM = Trust(minimum=Minimum((Requirement("accuracy", at_least=0.8),), 0.95))


@pytest.mark.parametrize(
    ("trust", "policy", "words"),
    [
        (Trust(), Policy(0.95, ()), "demands nothing"),
        (Trust(accepted_policies=(DIGEST,)), Policy(0.95, ()), "demands nothing"),
        (Trust(), Policy(0.95, (STRICT,)), None),
        (Trust(accepted_policies=("cd" * 32,)), Policy(0.95, (STRICT,)), "does not accept"),
        (Trust(accepted_policies=(DIGEST,)), Policy(0.95, (STRICT,)), None),
        (MINIMUM, Policy(0.95, (STRICT,)), None),
        (MINIMUM, Policy(0.9, (STRICT,)), "confidence"),
        (MINIMUM, Policy(0.95, (Requirement("accuracy", at_least=0.7),)), "accuracy ≥ 0.8"),
        (MINIMUM, Policy(0.95, (Requirement("accuracy", at_most=0.9),)), "accuracy ≥ 0.8"),
        (MINIMUM, Policy(0.95, (Requirement("accuracy", at_least=0.9, by="sex"),)), "accuracy ≥ 0.8"),
    ],
)
def test_a_policy_is_accepted_by_digest_or_by_what_it_demands(trust: Trust, policy: Policy, words: str | None) -> None:
    problem = policy_problem(trust, policy, DIGEST)
    assert (problem is None) if words is None else (problem is not None and words in problem)


def test_the_trust_file_that_the_docs_show_is_one() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "keys-and-trust.md"
    (shown,) = re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert [key.name for key in parse_trust(shown, "trust.toml").keys] == ["the census team"]


@pytest.mark.parametrize("text", ["x = " + "[" * 10_000 + "]" * 10_000, "x = " + "{a = " * 10_000 + "1" + "}" * 10_000])
def test_a_file_that_is_nested_too_deeply_is_an_error_of_that_file(text: str) -> None:
    with pytest.raises(InputError, match=r"trust\.toml: .*nested too deeply"):
        parse_trust(text, "trust.toml")
