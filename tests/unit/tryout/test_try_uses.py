"""Where uses of test data are counted, and that they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import StoreError
from seatrial.tryout.uses import count_use, state_folder

HOME = Path("/home/somebody")


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, "/home/somebody/.local/state/seatrial"),
        ({"XDG_STATE_HOME": "/var/state"}, "/var/state/seatrial"),
        ({"XDG_STATE_HOME": "relative"}, "/home/somebody/.local/state/seatrial"),  # as its specification has it
        ({"XDG_STATE_HOME": "/var/state", "SEATRIAL_STATE": "/elsewhere"}, "/elsewhere"),
    ],
)
def test_uses_are_counted_in_the_users_state_folder(environment: dict[str, str], folder: str) -> None:
    assert state_folder(environment, HOME) == Path(folder)


def test_a_model_under_a_policy_is_one_use_however_often(tmp_path: Path) -> None:
    uses = [count_use(tmp_path, "ab" * 32, 10, model=model, policy="p").use for model in ("one", "two", "one", "three")]
    assert uses == [1, 2, 1, 3]


def test_a_folder_that_cannot_be_written_is_told_with_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="SEATRIAL_STATE"):
        count_use(tmp_path / "file", "ab" * 32, 10, model="m", policy="p")
