"""Secrets that Kubeflow mounts as folders: which become variables, and the key that signs."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.pipeline.tasks.mounted_secrets import (
    SECRET_VARIABLE,
    SIGNING_VARIABLE,
    mounted_variables,
    take_signing_keys,
)
from seatrial.releases.keys import find_key, new_key


def test_a_mounted_secret_becomes_variables_and_kubernetes_own_links_do_not(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "NAME").write_text("value")
    (tmp_path / "NAME").symlink_to("..data/NAME")
    assert mounted_variables({SECRET_VARIABLE: str(tmp_path)}) == {"NAME": "value"}
    assert mounted_variables({}) == {}


def test_a_mounted_secret_says_nothing_of_the_store_or_of_what_is_no_variable(tmp_path: Path) -> None:
    for name in ("HOME", "SEATRIAL_STORE", "SEATRIAL_HOME", "tls.crt", "0NE", "TOKEN"):
        (tmp_path / name).write_text("value")
    assert mounted_variables({SECRET_VARIABLE: str(tmp_path)}) == {"TOKEN": "value"}


@pytest.mark.parametrize("value", [b"hunter2\xff", b"hunter2\0"])
def test_a_mounted_value_that_no_variable_can_have_is_told_by_its_key_alone(tmp_path: Path, value: bytes) -> None:
    (tmp_path / "TOKEN").write_bytes(value)
    with pytest.raises(InputError, match="key 'TOKEN' must hold") as raised:
        mounted_variables({SECRET_VARIABLE: str(tmp_path)})
    assert "hunter2" not in str(raised.value)


def test_a_mounted_key_that_all_can_read_is_copied_for_this_user_alone(tmp_path: Path) -> None:
    key = new_key(tmp_path / "mounted", "release")
    key.path.chmod(0o644)  # as Kubeflow mounts it
    take_signing_keys({SIGNING_VARIABLE: str(key.path.parent)}, tmp_path / "home")
    found = find_key(tmp_path / "home", "release")
    assert found is not None
    assert found.public == key.public
