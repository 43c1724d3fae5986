"""Steps are declared whole, and their graph is checked whole, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from seatrial.errors import InputError, Problems
from seatrial.pipeline.jobs.job import merge_parameters
from seatrial.pipeline.steps.declaration import Files, Step, step
from seatrial.pipeline.steps.graph import load_graph, order_steps


def make(name: str, inputs: dict[str, str | Files], outputs: tuple[str, ...] = ()) -> Step:
    return Step(name, "python", lambda: None, inputs, outputs, (), {})


def test_a_declared_function_stays_a_plain_function() -> None:
    @step(inputs={"rows": Files("raw/*.csv")})
    def double(rows: int, *, times: int = 2) -> int:
        return rows * times

    assert double(4) == 8


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (lambda f: step(inputs={"wrong": "a"})(f), "without an input: rows; without an argument: wrong"),
        (lambda f: step(kind=cast("Any", "fortran"), inputs={"rows": "a"})(f), "unknown kind 'fortran'"),
        (lambda f: step(inputs={"rows": "a"}, outputs=("x", "x"))(f), "named twice"),
        (lambda f: step(inputs={"rows": "a"}, outputs=("x.y",))(f), "output 'x.y' is not a legal name"),
        (lambda f: step(inputs={"rows": "a"}, outputs="train")(f), "outputs is one text"),
        (lambda f: step(inputs={"rows": "a"}, libraries="torch")(f), "libraries is one text"),
        (lambda f: step(inputs={"rows": "a"}, cpu="2 cores")(f), "cpu: '2 cores' is not a valid CPU quantity"),
        (lambda f: step(inputs={"rows": "a"}, memory="2GB")(f), "memory: '2GB' is not a valid memory quantity"),
        (lambda f: step(inputs={"rows": "a"}, timeout_s=0)(f), "timeout_s: it must be at least 1, got 0"),
        (lambda f: step(inputs={"rows": "a"}, workers=0)(f), "workers: it must be at least 1, got 0"),
        (
            lambda f: step(inputs={"rows": "a"}, kind="spark", workers=2)(f),
            "a step of kind 'spark' runs in one process",
        ),
    ],
)
def test_a_declaration_that_does_not_fit_its_function_is_refused_with_its_line(declare: Any, expected: str) -> None:
    def count(rows: object) -> object:
        return rows

    with pytest.raises(InputError, match=expected) as caught:
        declare(count)
    assert caught.value.path == __file__
    assert caught.value.line is not None


def test_a_parameter_needs_a_plain_default() -> None:
    def count(*, limit: object = None) -> object:
        return limit

    with pytest.raises(InputError, match="'limit' needs a default"):
        step()(count)


@pytest.mark.parametrize("name", ["assess", "release"])
def test_the_names_of_built_in_steps_are_taken(name: str) -> None:
    def count() -> None: ...

    count.__name__ = name
    with pytest.raises(InputError, match="built-in"):
        step()(count)


def test_steps_come_after_what_they_need() -> None:
    graph = order_steps([make("model", {"x": "features.train"}), make("features", {}, ("train",))])
    assert list(graph) == ["features", "model"]


def test_every_mistake_of_a_graph_is_told_at_once_with_a_hint() -> None:
    steps = [
        make("features", {}, ("train", "test")),
        make("model", {"x": "features.trian"}),
        make("other", {"x": "nothing"}),
        make("other", {}),
    ]
    with pytest.raises(Problems) as caught:
        order_steps(steps)
    text = str(caught.value)
    assert "two steps have this name" in text
    assert 'Did you mean "features.train"?' in text
    assert len(caught.value.errors) >= 2


def test_outputs_that_would_be_one_table_are_refused() -> None:
    with pytest.raises(Problems, match=r"'rows_a\.b' and 'rows\.a_b' would be one table, rows_a_b"):
        order_steps([make("rows", {}, ("a_b",)), make("rows_a", {}, ("b",))])


def test_a_cycle_is_shown_as_a_circle() -> None:
    with pytest.raises(Problems, match=r"need each other: .*a → b → a|need each other: .*b → a → b"):
        order_steps([make("a", {"x": "b"}), make("b", {"x": "a"})])


def test_a_module_without_steps_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "empty_pipeline.py").write_text("x = 1\n")
    with pytest.raises(InputError, match="the module declares no step") as caught:
        load_graph(tmp_path, "empty_pipeline")
    assert "@seatrial.step" in str(caught.value)


def test_a_module_that_raises_names_the_line_that_raised(tmp_path: Path) -> None:
    (tmp_path / "broken_pipeline.py").write_text("x = 1\ny = x / 0\n")
    with pytest.raises(InputError, match="ZeroDivisionError") as caught:
        load_graph(tmp_path, "broken_pipeline")
    assert (caught.value.path, caught.value.line) == (str(tmp_path / "broken_pipeline.py"), 2)


def test_a_module_that_does_not_parse_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "garbled_pipeline.py").write_text("x = 1\ndef (\n")
    with pytest.raises(InputError) as caught:
        load_graph(tmp_path, "garbled_pipeline")
    assert caught.value.line == 2


def test_a_module_that_exits_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "leaving_pipeline.py").write_text("raise SystemExit(0)\n")
    with pytest.raises(InputError, match="SystemExit"):
        load_graph(tmp_path, "leaving_pipeline")


@pytest.mark.parametrize("written", ["nan", "inf", "-inf"])
def test_a_parameter_is_a_finite_number(written: str) -> None:
    steps = {"model": Step("model", "python", lambda: None, {}, (), (), {"rate": 0.5})}
    with pytest.raises(InputError, match="a finite number"):
        merge_parameters(steps, {}, (f"model.rate={written}",), "seatrial.toml")


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the module does not exist") as caught:
        load_graph(tmp_path, "nowhere")
    assert caught.value.path == str(tmp_path / "nowhere.py")
