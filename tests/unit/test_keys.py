from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.errors import InputError, Refused
from seatrial.releases import keys
from seatrial.releases.envelope import seal, unseal
from seatrial.releases.keys import ROLES, PublicKey, SigningKey, ensure_key, find_key, key_path, new_key, seatrial_home


def test_a_home_without_keys_has_none(tmp_path: Path) -> None:
    assert find_key(tmp_path, "release") is None


def test_a_new_key_is_private_and_is_found_again(tmp_path: Path) -> None:
    key = new_key(tmp_path / "home", "release")
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.path.parent.stat().st_mode) == 0o700
    assert [file.name for file in key.path.parent.iterdir()] == ["release.pem"]
    assert find_key(tmp_path / "home", "release") == key


def test_each_role_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert len({ensure_key(tmp_path, role).public.id for role in ROLES}) == 3


def test_a_second_new_key_is_refused_and_the_first_stays(tmp_path: Path) -> None:
    first = new_key(tmp_path, "waiver")
    with pytest.raises(InputError, match="already"):
        new_key(tmp_path, "waiver")
    assert find_key(tmp_path, "waiver") == first


ENSURE = """
import pathlib, sys
from seatrial.releases.keys import ensure_key
print(ensure_key(pathlib.Path(sys.argv[1]), 'release').public.text)
"""


@pytest.mark.simulation
def test_processes_that_ask_at_once_get_one_key(tmp_path: Path) -> None:
    asking = [
        subprocess.Popen([sys.executable, "-c", ENSURE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in asking}) == 1
    assert [process.returncode for process in asking] == [0] * 4


def test_a_key_that_comes_first_while_another_is_made_is_the_one_that_stays(tmp_path: Path) -> None:
    first = new_key(tmp_path, "release")
    assert not keys._create(tmp_path, "release")
    assert find_key(tmp_path, "release") == first
    assert [file.name for file in first.path.parent.iterdir()] == ["release.pem"]


def test_a_key_that_anybody_can_read_is_refused(tmp_path: Path) -> None:
    new_key(tmp_path, "release").path.chmod(0o644)
    with pytest.raises(Refused, match="chmod 600"):
        find_key(tmp_path, "release")


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"]
)
def test_a_key_file_with_something_else_in_it_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = key_path(tmp_path, "release")
    path.parent.mkdir()
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(Refused) as caught:
        find_key(tmp_path, "release")
    assert caught.value.path == str(path)


def test_the_private_part_is_in_no_repr(tmp_path: Path) -> None:
    key = new_key(tmp_path, "release")
    assert "signer" not in repr(key)
    assert key.public.text in repr(key)


def test_the_home_is_the_users_own_unless_the_environment_says_otherwise() -> None:
    assert seatrial_home({"SEATRIAL_HOME": "/x"}) == Path("/x")
    assert seatrial_home({}) == Path.home() / ".config" / "seatrial"


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:" + "0" * 63, "rsa:" + "0" * 64, "ed25519:" + "G" * 64])
def test_what_is_no_public_key_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        PublicKey(text)


TYPE = "application/x-test"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return new_key(tmp_path_factory.mktemp("home"), "release")


def test_what_was_sealed_is_unsealed_with_the_key_that_signed(key: SigningKey) -> None:
    assert unseal(seal(b"hello", TYPE, key), TYPE, [key.public], path="e") == (b"hello", key.public)


def test_an_untrusted_key_is_refused(key: SigningKey, tmp_path: Path) -> None:
    other = new_key(tmp_path, "release")
    with pytest.raises(Refused, match="not trusted"):
        unseal(seal(b"hello", TYPE, other), TYPE, [key.public], path="e")


def test_a_key_that_borrows_a_trusted_id_is_refused(key: SigningKey, tmp_path: Path) -> None:
    other = new_key(tmp_path, "release")
    borrowed = seal(b"hello", TYPE, other).replace(other.public.id.encode(), key.public.id.encode())
    with pytest.raises(Refused, match="not by key"):
        unseal(borrowed, TYPE, [key.public], path="e")


def test_an_envelope_of_another_type_is_refused(key: SigningKey) -> None:
    with pytest.raises(Refused, match="application/x-test"):
        unseal(seal(b"hello", "application/y", key), TYPE, [key.public], path="e")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_an_envelope_is_refused(key: SigningKey, data: st.DataObject) -> None:
    sealed = seal(b"some words", TYPE, key)
    place = data.draw(st.integers(0, len(sealed) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != sealed[place]))
    with pytest.raises(Refused):
        unseal(sealed[:place] + bytes([byte]) + sealed[place + 1 :], TYPE, [key.public], path="e")
