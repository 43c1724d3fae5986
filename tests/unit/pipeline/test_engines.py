"""One suite for all engines, and deliberately wrong ones that it must fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from seatrial.errors import InputError, SeatrialError, StepFailed
from seatrial.pipeline.engines import ENGINES, Engine
from seatrial.pipeline.engines.engine import Place, Session, StoreNeed
from seatrial.pipeline.engines.python import Python
from seatrial.pipeline.steps.declaration import Kind, Step, step

MODULE = """\
import sys

def fails():
    below()

def below():
    raise ValueError("no such ship")

def leaves():
    sys.exit(3)
"""
FAILING_LINE = 7


class OneSession:
    """A session that counts how often it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "spark.log"
        self.given: list[object] = []

    def get(self) -> Any:
        self.given.append(object())
        return self.given[-1]


def functions(directory: Path) -> Mapping[str, Callable[..., Any]]:
    """The functions of a project's module in `directory`, called from Seatrial's own code as a step is."""
    path = directory / "steps.py"
    path.write_text(MODULE)
    names: dict[str, Any] = {}
    exec(compile(MODULE, str(path), "exec"), names)
    return names


def raised(function: Callable[[], object]) -> Exception | SystemExit:
    try:
        function()
    except (Exception, SystemExit) as error:  # noqa: BLE001 — it is what the engine is asked to explain
        return error
    raise AssertionError("nothing was raised")


def check_engine(engine: Engine, directory: Path) -> None:
    """What the pipeline relies on, whatever the kind."""
    session = OneSession(directory)
    shared = cast("Session", session)
    seen: dict[str, object] = {}

    def function(**arguments: object) -> object:
        seen.update(arguments)
        return {"rows": arguments["rows"]}

    answer = engine.call(function, {"rows": [1, 2]}, {"many": 3}, session=shared)
    assert answer == {"rows": [1, 2]}, "what the function returns comes back"
    assert set(seen) == {"rows", "many"} | engine.arguments, "inputs, parameters, and what the kind adds"
    assert (seen["rows"], seen["many"]) == ([1, 2], 3)
    assert len(session.given) == int("spark" in engine.arguments), "no session is made that nobody asked for"
    assert engine.place in get_args(Place)
    assert engine.store in get_args(StoreNeed)

    def explain(error: Exception | SystemExit) -> SeatrialError:
        return engine.explain(error, step="rows", directory=directory, session=shared)

    own = functions(directory)
    failed = explain(raised(own["fails"]))
    assert isinstance(failed, StepFailed)
    assert "rows" in failed.problem, "the step is named"
    assert "no such ship" in failed.problem, "the cause is told"
    assert "Traceback" not in str(failed)
    assert (failed.path, failed.line) == (str(directory / "steps.py"), FAILING_LINE), "the project's own line"
    assert isinstance(explain(raised(own["leaves"])), StepFailed), "code that exits ends its step"
    refused = InputError("no such column.", path="rows")
    assert explain(refused) is refused, "an error of Seatrial's own stays what it is"


@pytest.mark.parametrize("kind", ENGINES)
def test_an_engine_does_what_the_pipeline_relies_on(kind: str, tmp_path: Path) -> None:
    check_engine(ENGINES[kind], tmp_path)


class LosesParameters(Python):
    def call(
        self,
        function: Callable[..., Any],
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        session: Session,
    ) -> object:
        return function(**inputs)


class SaysNoLine(Python):
    def explain(self, error: Exception | SystemExit, *, step: str, directory: Path, session: Session) -> SeatrialError:
        return StepFailed(f"step {step!r} raised {error}")


class HidesErrors(Python):
    def explain(self, error: Exception | SystemExit, *, step: str, directory: Path, session: Session) -> SeatrialError:
        named = super().explain(error, step=step, directory=directory, session=session)
        return StepFailed(named.problem, path=named.path, line=named.line)


class MakesSessions(Python):
    def call(
        self,
        function: Callable[..., Any],
        inputs: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        session: Session,
    ) -> object:
        session.get()
        return function(**inputs, **parameters)


@pytest.mark.parametrize("wrong", [LosesParameters, SaysNoLine, HidesErrors, MakesSessions])
def test_the_suite_fails_a_wrong_engine(wrong: type[Python], tmp_path: Path) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check_engine(wrong(), tmp_path)


def test_the_kinds_that_a_type_checker_knows_are_the_engines() -> None:
    assert set(get_args(Kind)) == set(ENGINES)


@pytest.mark.parametrize("kind", ENGINES)
def test_a_step_takes_what_its_kind_adds(kind: str) -> None:
    arguments = ", ".join(sorted(ENGINES[kind].arguments))
    names: dict[str, Any] = {"step": step, "__name__": __name__}
    exec(f"def rows({arguments}): ...\ndeclared = step(kind={kind!r})(rows)", names)


def test_an_unknown_kind_is_told_with_the_ones_that_are_known() -> None:
    def rows() -> None: ...

    with pytest.raises(InputError, match=re.escape("Known: python, spark.")):
        step(kind=cast("Kind", "sql"))(rows)


def test_no_other_module_asks_for_a_kind_by_its_name() -> None:
    pipeline = Path(__file__).parents[3] / "src" / "seatrial" / "pipeline"
    by_name = re.compile(r"""kind\s*[!=]=\s*["'](python|spark)|\.value == "spark""")
    assert [path.name for path in pipeline.rglob("*.py") if by_name.search(path.read_text())] == []


def test_a_step_keeps_its_kind() -> None:
    assert Step("rows", "spark", lambda spark: None, {}, (), (), {}).kind in ENGINES
