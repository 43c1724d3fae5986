"""Every model of the zoo through the command, from the file that a user would have: what it is, and how good."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from seatrial.cli import main
from tests.zoo import BROKEN, CLASSES, ZOO, Broken, Entry, Made


def words(made: Made) -> list[str]:
    """The command line that somebody would write for it."""
    table = made.model.parent / "held-out.parquet"
    pyarrow.parquet.write_table(made.table, table)
    inputs = [] if made.options.inputs is None else ["--inputs", ",".join(made.options.inputs)]
    groups = ["--groups", "sex"] if "sex" in made.table.column_names else []
    return ["try", str(made.model), str(table), "--label", made.label, *inputs, *groups, "--json"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("entry", ZOO, ids=lambda entry: entry.name)
def test_a_model_is_tried_as_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str], entry: Entry) -> None:
    made = entry.make(tmp_path)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(words(made))
    assert ended.value.code in (0, 3)
    found = json.loads(capsys.readouterr().out)
    assert found["model"]["task"] == entry.task
    assert tuple(found["model"]["classes"]) == CLASSES[entry.task]
    truth = made.table.column(made.label).to_numpy()
    overall = {
        one["claim"]["metric"]: one["estimate"]
        for one in [*found["evidence"], *found["not_measured"]]
        if one["claim"]["family"] == "all" and one["claim"]["against"] is None and one["claim"]["of_class"] is None
    }
    if entry.task == "regression":
        assert overall["mae"] == pytest.approx(np.abs(made.answers.ravel() - truth).mean(), rel=1e-4)
    else:
        answered = np.array(CLASSES[entry.task])[made.answers.argmax(axis=1)]
        assert overall["accuracy"] == pytest.approx((answered == truth).mean(), abs=0.01)
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize("broken", [one for one in BROKEN if one.stage == "open"], ids=lambda broken: broken.entry.name)
def test_a_model_that_cannot_be_had_is_refused_in_one_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: Broken
) -> None:
    made = broken.entry.make(tmp_path)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([word for word in words(made) if word != "--json"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert broken.says in said
    assert "Traceback" not in said
