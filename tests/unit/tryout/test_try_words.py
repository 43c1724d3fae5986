"""What stands on the command line: groups in one word, and the same command written again."""

from __future__ import annotations

import pytest

from seatrial.tryout.command import TryArguments, command_of, split_groups, words


@pytest.mark.parametrize(
    ("given", "groups"),
    [
        (("sex",), ("sex",)),
        (("sex,race",), ("sex", "race")),
        (("sex,age:18,25,65,race",), ("sex", "age:18,25,65", "race")),
        (("age:18,-2.5,1e3",), ("age:18,-2.5,1e3",)),
        (("sex*age:30,50", "race"), ("sex*age:30,50", "race")),
        (("age:30", "50"), ("age:30", "50")),  # a column called 50, in an option of its own
        ((), ()),
    ],
)
def test_a_number_goes_on_with_the_bins_before_it(given: tuple[str, ...], groups: tuple[str, ...]) -> None:
    assert split_groups(given) == groups


def test_a_command_is_written_so_that_a_shell_takes_it() -> None:
    given = TryArguments(
        "my model.onnx", "t.csv", label="y", groups=("sex", "age:30,50"), threshold=0.4, policy="p.toml"
    )
    assert (
        words(command_of(given))
        == "seatrial try 'my model.onnx' t.csv --label y --groups sex,age:30,50 --threshold 0.4 --policy p.toml"
    )


def test_what_was_left_out_stays_out() -> None:
    assert words(command_of(TryArguments(example=True))) == "seatrial try --example"
