"""Where uses of test data are counted, and that they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.cli import main
from seatrial.errors import StoreError
from seatrial.trial.test_uses.ledger import TestData
from seatrial.trial.test_uses.row_sketch import Sketch
from seatrial.tryout.uses import StateFolder, shared_url, state_folder

HOME = Path("/home/somebody")


DATA = TestData("ab" * 32, 10, Sketch(10, ()))


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
    uses = [
        StateFolder(tmp_path).record(DATA, model=model, evaluation="p").use for model in ("one", "two", "one", "three")
    ]
    assert uses == [1, 2, 1, 3]


def test_a_folder_that_cannot_be_written_is_told_with_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="SEATRIAL_STATE"):
        StateFolder(tmp_path / "file").record(DATA, model="m", evaluation="p")


@pytest.fixture
def use(capsys: pytest.CaptureFixture[str]) -> Callable[..., int]:
    """Tries, and tells which use of the rows it was."""

    def tried(model: Path, table: Path, *words: str) -> int:
        with pytest.raises(SystemExit):
            main(["try", str(model), str(table), "--label", "rich", "--json", *words])
        found: int = json.loads(capsys.readouterr().out)["test_use"]["use"]
        return found

    return tried


@pytest.fixture
def weighted(people: pa.Table, tmp_path: Path) -> Path:
    weights = pa.array(np.linspace(1, 2, people.num_rows))
    pyarrow.parquet.write_table(people.append_column("w", weights), path := tmp_path / "weighted.parquet")
    return path


@pytest.mark.simulation
@pytest.mark.parametrize("words", [("--weight", "w"), ("--seed", "8"), ("--threshold", "0.4"), ("--positive", "no")])
def test_what_another_answer_could_be_had_by_is_another_use(
    model: Callable[..., Path], weighted: Path, words: tuple[str, ...], use: Callable[..., int]
) -> None:
    assert [use(model(), weighted), use(model(), weighted, *words), use(model(), weighted)] == [1, 2, 1]


def test_groups_that_no_requirement_is_about_are_free(
    model: Callable[..., Path], weighted: Path, use: Callable[..., int]
) -> None:
    assert use(model(), weighted, "--groups", "sex") == 1
    assert use(model(), weighted, "--groups", "age:30,50") == 1


@pytest.mark.simulation
def test_other_bins_of_a_group_that_is_judged_are_another_use(
    model: Callable[..., Path], weighted: Path, tmp_path: Path, use: Callable[..., int]
) -> None:
    policy = tmp_path / "policy.toml"
    require = '[[policy.require]]\nmetric = "accuracy"\nby = "age"\nat_least = 0.1\n'
    found = []
    for bins, groups in (("30, 50", "age:30,50"), ("30, 40", "age"), ("30, 50", "age,sex")):
        policy.write_text(f"[policy]\nbins = {{ age = [{bins}] }}\n{require}")
        found.append(use(model(), weighted, "--policy", str(policy), "--groups", groups))
    assert found == [1, 2, 1]


@pytest.mark.parametrize(
    ("named", "url"),
    [
        (None, None),
        ("", None),
        ("s3://team/test-uses", "s3://team/test-uses"),
        ("/mnt/team", "file:///mnt/team"),
        ("file:///mnt/team", "file:///mnt/team"),
    ],
)
def test_a_team_names_its_ledger_in_a_variable(named: str | None, url: str | None) -> None:
    assert shared_url({} if named is None else {"SEATRIAL_TEST_USES": named}) == url


def test_two_machines_of_a_team_count_together(
    model: Callable[..., Path],
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "team").mkdir()
    monkeypatch.setenv("SEATRIAL_TEST_USES", str(tmp_path / "team"))
    uses = []
    for machine, seed in (("ann", "7"), ("bob", "8"), ("bob", "9"), ("ann", "8")):
        monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / machine))
        with pytest.raises(SystemExit):
            main(["try", str(model()), str(table), "--label", "rich", "--seed", seed])
        line = next(line for line in capsys.readouterr().out.splitlines() if "Use " in line)
        assert f"of this test data at file://{tmp_path}/team:" in line
        uses.append(int(line.split("Use ")[1].split()[0]))
    assert uses == [1, 2, 3, 2]


def test_a_ledger_out_of_reach_stops_before_anything_is_measured(
    model: Callable[..., Path],
    table: Path,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEATRIAL_TEST_USES", str(tmp_path / "not-mounted"))
    with pytest.raises(SystemExit) as ended:
        main(["try", str(model()), str(table), "--label", "rich"])
    assert ended.value.code == 1
    assert "SEATRIAL_TEST_USES: the shared ledger of test uses must be a folder that exists" in capsys.readouterr().err
    assert not Path("report.html").exists()
    assert not (state / "test-uses").exists()
