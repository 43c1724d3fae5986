"""The comparison with other gates: its page is what the results say, and an adapter keeps to its contract."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from seatrial.trial.self_test import planted_cases

ROOT = Path(__file__).parents[3]
NAMES = [case.name for case in planted_cases()]
# Asks the model anew for half of the rows, and says how many of them it answers as before.
ASKING = """
from contract import serve


def decide(case):
    half = case.test.iloc[::2]
    again = case.ask(half)["prediction"].to_numpy()
    before = case.predicted.iloc[::2].to_numpy()
    return bool((again == before).all()), f"{len(again)} asked, {case.task}, {sorted(case.about)}"


if __name__ == "__main__":
    serve(decide)
"""
RAISING = """
from contract import serve


def decide(case):
    print("what a library prints is not an answer")
    raise ValueError("no idea")


if __name__ == "__main__":
    serve(decide)
"""
HANGING = "import time\n\ntime.sleep(60)\n"


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Any:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def drawn(_importable: None) -> dict[str, Any]:
    return {each.case.name: each for each in import_module("gates_cases").drawn_cases(0)}


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "benchmarks/results/gates.json").read_text())
    return document


def test_the_page_and_the_picture_are_made_of_the_stored_results(results: dict[str, Any]) -> None:
    assert (ROOT / "docs/benchmarks/gates.md").read_text() == import_module("gates_page").render(results)
    assert (ROOT / "docs/images/gates.svg").read_text() == import_module("gates_picture").picture(results)


def test_the_readme_says_what_the_results_say(results: dict[str, Any]) -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert import_module("gates_page").sentence(results) in readme
    assert f"![{import_module('gates_page').described(results)}](docs/images/gates.svg)" in readme


def test_the_results_have_nearly_every_planted_case_of_today(results: dict[str, Any]) -> None:
    """To send a new case through every gate takes an hour: a few may wait for the next run, none may be gone."""
    measured = list(results["cases"])
    assert measured == [name for name in NAMES if name in measured]
    assert len(measured) >= 0.9 * len(NAMES)
    for name, gate in results["gates"].items():
        assert list(gate["cases"]) == measured, name


def test_every_gate_has_an_adapter_and_a_pinned_version() -> None:
    workers = import_module("gates_workers")
    for gate in workers.GATES:
        assert "==" in gate.packages[0]
        assert (workers.ADAPTERS / gate.adapter).exists()


@pytest.mark.simulation
@pytest.mark.parametrize("name", NAMES)
def test_seatrial_decides_every_case_rightly_in_the_self_tests_own_draw(name: str, drawn: dict[str, Any]) -> None:
    decision = import_module("gates_workers").decide_by_seatrial(drawn[name])
    assert decision.passed is not drawn[name].bad, decision.said


@pytest.mark.simulation
@pytest.mark.parametrize("name", ["a rare job that turns answers", "an honest and fair model", "a quantile"])
def test_an_adapter_reads_a_case_and_asks_its_model(name: str, drawn: dict[str, Any], tmp_path: Path) -> None:
    decision = decided(ASKING, drawn[name], tmp_path)
    assert decision.passed, decision.said
    assert not decision.error
    assert "'require'" in decision.said
    assert "bad" not in decision.said  # nothing tells a gate what it has to find


@pytest.mark.simulation
def test_a_gate_that_breaks_off_has_refused(drawn: dict[str, Any], tmp_path: Path) -> None:
    decision = decided(RAISING, drawn["a quantile"], tmp_path)
    assert (decision.passed, decision.error, decision.said) == (False, True, "ValueError: no idea")


@pytest.mark.simulation
def test_a_gate_that_never_ends_is_ended(drawn: dict[str, Any], tmp_path: Path) -> None:
    decision = decided(HANGING, drawn["a quantile"], tmp_path, limit_s=0.5)
    assert (decision.passed, decision.error, decision.said) == (False, True, "ran into the time limit")


@pytest.mark.simulation
def test_what_the_self_test_states_of_data_is_in_the_tables(drawn: dict[str, Any]) -> None:
    facts = {name: drawn[name].subject.facts for name in drawn}
    copied = facts["half of the rows are copies of others"]
    assert copied.copies == pytest.approx(copied.rows / 2, rel=0.02)
    assert facts["rows that are whole, and each there once"].copies < 80
    assert facts["one row in ten has no label"].unlabelled == 800
    assert facts["one row in twenty is not answered"].unanswered == 400
    assert facts["trained on the test data"].overlap == pytest.approx(4000, rel=0.02)
    assert facts["a wrong vocabulary"].unknown == {"job": 2667}


def decided(adapter: str, case: Any, folder: Path, *, limit_s: float = 60.0) -> Any:
    workers = import_module("gates_workers")
    script = folder / "adapter.py"
    script.write_text(f"import sys\n\nsys.path.insert(0, {str(workers.ADAPTERS)!r})\n{adapter}")
    import_module("gates_cases").write_case(case, folder / "case")
    worker = workers.Worker([sys.executable, str(script)], limit_s=limit_s)
    try:
        return worker.decide(folder / "case", case)
    finally:
        worker.close()
