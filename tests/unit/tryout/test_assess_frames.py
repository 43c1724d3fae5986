"""`seatrial.assess` takes the frames and the models that people have in a notebook."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import seatrial
from seatrial.errors import InputError, StepFailed

Make = Callable[..., Path]
COLUMNS = ("age", "hours")


def probability(age: Any, hours: Any) -> NDArray[np.float64]:
    z = 0.2 * np.asarray(age, float) + 0.2 * np.asarray(hours, float) - 15.8
    return np.asarray(1 / (1 + np.exp(-z)))


FRAMES: dict[str, tuple[Callable[[pa.Table], Any], type]] = {
    "pandas": (lambda table: table.to_pandas(), pd.DataFrame),
    "polars": (pl.from_arrow, pl.DataFrame),
    "arrow": (lambda table: table, pa.Table),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_function_is_given_the_kind_of_frame_that_was_handed_over(people: pa.Table, kind: str) -> None:
    make, expected = FRAMES[kind]
    given: list[Any] = []

    def answer(frame: Any) -> NDArray[np.float64]:
        given.append(frame)
        return probability(frame["age"], frame["hours"])

    found = seatrial.assess(answer, make(people), label="rich", groups=["sex"], inputs=COLUMNS)
    assert found.passed
    assert {type(frame) for frame in given} == {expected}
    assert all(list(getattr(frame, "column_names", None) or frame.columns) == list(COLUMNS) for frame in given)


def test_a_matrix_is_a_matrix(people: pa.Table) -> None:
    matrix = np.column_stack([people.column(name).to_numpy() for name in (*COLUMNS, "flag")]).astype(float)
    found = seatrial.assess(
        lambda rows: probability(rows[:, 0], rows[:, 1]), matrix, columns=[*COLUMNS, "y"], label="y"
    )
    assert found.passed


@pytest.mark.parametrize(
    "form",
    [
        lambda p: p,
        lambda p: p[:, None],
        lambda p: np.column_stack([1 - p, p]),
        lambda p: np.where(p >= 0.5, "yes", "no"),
        lambda p: ["yes" if one >= 0.5 else "no" for one in p],
    ],
    ids=["one probability", "one column", "two columns", "labels", "a list of labels"],
)
def test_answers_of_every_form_have_the_same_accuracy(people: pa.Table, form: Callable[[Any], Any]) -> None:
    found = seatrial.assess(
        lambda frame: form(probability(frame["age"], frame["hours"])), people, label="rich", inputs=COLUMNS
    )
    right = np.where(probability(people["age"], people["hours"]) >= 0.5, "yes", "no") == people["rich"].to_numpy()
    accuracy = next(one for one in found.trial.evidence if str(one.claim) == "accuracy")
    assert accuracy.estimate == right.mean()


def accuracy(found: Any) -> float:
    return float(next(one.estimate for one in found.trial.evidence if str(one.claim) == "accuracy"))


def by_segments(frame: Any) -> Any:
    """As whoever has a model for each group of people puts their answers together."""
    parts = [part for _, part in frame.groupby(frame["age"] > 40)]
    return pd.concat([pd.Series(probability(part["age"], part["hours"]), part.index) for part in parts])


@pytest.mark.parametrize(
    "answer",
    [
        by_segments,
        lambda frame: by_segments(frame).to_frame(),
        lambda frame: pd.DataFrame({"yes": by_segments(frame), "no": 1 - by_segments(frame)}),
        lambda frame: pl.DataFrame({"yes": by_segments(frame)[frame.index], "no": 1 - by_segments(frame)[frame.index]}),
    ],
    ids=["series", "frame of one column", "frame of named columns", "frame of another library"],
)
def test_answers_with_names_are_taken_by_them(people: pa.Table, answer: Callable[[Any], Any]) -> None:
    plain = seatrial.assess(
        lambda frame: probability(frame["age"], frame["hours"]), people.to_pandas(), label="rich", inputs=COLUMNS
    )
    found = seatrial.assess(answer, people.to_pandas(), label="rich", inputs=COLUMNS)
    assert accuracy(found) == accuracy(plain)


@pytest.mark.parametrize(
    "answer",
    [
        lambda frame: pd.Series(probability(frame["age"], frame["hours"])),
        lambda frame: pd.DataFrame(np.column_stack([probability(frame["age"], frame["hours"])] * 2) * [1, -1] + [0, 1]),
    ],
    ids=["series", "frame"],
)
def test_numbers_that_pandas_gives_by_itself_are_places(people: pa.Table, answer: Callable[[Any], Any]) -> None:
    mixed = people.to_pandas().sample(frac=1, random_state=7)
    mixed["rich"] = (mixed["rich"] == "yes").astype(int)
    plain = seatrial.assess(
        lambda frame: probability(frame["age"], frame["hours"]), mixed, label="rich", inputs=COLUMNS
    )
    found = seatrial.assess(answer, mixed, label="rich", inputs=COLUMNS, classes=["1", "0"], positive="1")
    assert accuracy(found) == accuracy(plain)


def test_another_order_of_rows_that_share_an_index_is_refused(people: pa.Table) -> None:
    frame = people.to_pandas()
    frame.index = frame.index // 2
    with pytest.raises(InputError, match="in another order than its rows, whose index has a value twice"):
        seatrial.assess(by_segments, frame, label="rich", inputs=COLUMNS)
    in_place = seatrial.assess(lambda rows: 0.01 * rows["age"] + 0.0, frame, label="rich", inputs=COLUMNS)
    assert accuracy(in_place) > 0.5


def test_masked_answers_are_none(people: pa.Table) -> None:
    found = seatrial.assess(
        lambda frame: np.ma.masked_greater(probability(frame["age"], frame["hours"]), 0.999),
        people,
        label="rich",
        inputs=COLUMNS,
    )
    assert any(note.kind == "unanswered" for note in found.notes)


def test_half_floats_are_numbers_everywhere(people: pa.Table) -> None:
    half = people.append_column("weight", pa.array(np.ones(people.num_rows, np.float16)))
    found = seatrial.assess(
        lambda frame: probability(frame["age"], frame["hours"]).astype(np.float16),
        half.set_column(half.column_names.index("flag"), "flag", pa.array(half["flag"].to_numpy().astype(np.float16))),
        label="flag",
        inputs=COLUMNS,
        weight="weight",
    )
    assert found.passed


@pytest.mark.parametrize("kind", [int, float])
def test_codes_of_three_classes_are_neither_labels_nor_amounts(people: pa.Table, kind: type) -> None:
    grades = np.digitize(people["wage"].to_numpy(), [15, 25])
    with pytest.raises(InputError, match=r'answers with 0.*, 1.*, 2.*neither the classes "1", "2", "3"'):
        seatrial.assess(
            lambda frame: np.digitize(np.asarray(frame["wage"]), [15, 25]).astype(kind),
            people.append_column("grade", pa.array(grades + 1)),
            label="grade",
            inputs=["wage"],
        )


def test_values_are_a_regression(people: pa.Table) -> None:
    found = seatrial.assess(
        lambda frame: 0.5 * np.asarray(frame["age"]) + 0.5 * np.asarray(frame["hours"]) - 19.5,
        people,
        label="wage",
        inputs=COLUMNS,
        clip=50,
    )
    assert found.signature.task == "regression"
    assert found.passed


def test_a_function_that_raises_is_told_as_its_own_failure(people: pa.Table) -> None:
    def broken(frame: Any) -> Any:
        raise KeyError("hours_per_week")

    with pytest.raises(StepFailed, match="the function raised KeyError: 'hours_per_week'"):
        seatrial.assess(broken, people, label="rich", inputs=COLUMNS)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda frame: np.zeros(3), r"shape \(3,\) for 600 rows"),
        (lambda frame: np.zeros((len(frame), 5)), "5 columns"),
        (lambda frame: np.full(len(frame), 17.0), "neither classes of the label nor probabilities"),
    ],
)
def test_answers_that_mean_nothing_are_refused(people: pa.Table, answer: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        seatrial.assess(answer, people, label="rich", inputs=COLUMNS)


@pytest.mark.parametrize("number", [{"threshold": 2.0}, {"margin": 0.1}, {"seed": -1}, {"budget_s": 0.0}])
def test_numbers_that_cannot_be_meant_are_refused_in_python_too(
    model: Make, people: pa.Table, number: dict[str, Any], state: Path
) -> None:
    with pytest.raises(InputError, match=f"{next(iter(number))}="):
        seatrial.assess(model(), people, label="rich", **number)
    assert not state.exists()


def test_a_file_of_a_model_and_its_bytes_are_one_model(model: Make, people: pa.Table) -> None:
    path = model()
    uses = [seatrial.assess(one, people, label="rich").trial.test_use for one in (path, str(path), path.read_bytes())]
    assert {use.use for use in uses if use is not None} == {1}


def test_what_is_no_model_is_told(people: pa.Table) -> None:
    with pytest.raises(InputError, match="is not a model"):
        seatrial.assess(17, people, label="rich")


def test_it_prints_as_a_table_and_draws_as_the_report(model: Make, people: pa.Table, tmp_path: Path) -> None:
    found = seatrial.assess(model(), people, label="rich", groups=["sex"])
    assert "Verdict: PASS" in str(found)
    assert found.save(tmp_path / "it.html").read_text(encoding="utf-8") == found.page()
    framed = re.search(r'srcdoc="([^"]*)"', found._repr_html_())
    assert framed is not None
    assert html.unescape(framed[1]) == found.page()
    assert [one.outcome for one in found.findings] == ["pass"]


def test_rows_in_whatever_order_and_frame_are_the_same_use(model: Make, people: pa.Table) -> None:
    path = model()
    order = np.random.default_rng(0).permutation(people.num_rows)
    frames = (people, people.take(order), people.to_pandas(), pl.from_arrow(people))
    digests = {seatrial.assess(path, frame, label="rich").trial.test_use for frame in frames}
    assert len(digests) == 1


def test_groups_may_be_written_as_on_the_command_line(model: Make, people: pa.Table) -> None:
    found = seatrial.assess(model(), people, label="rich", groups="sex,age:30,50")
    assert found.groups == ("sex", "age")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("when", pa.array([0] * 600, pa.timestamp("s"))),
        ("lists", pa.array([[1, 2]] * 600)),
        ("id", pa.array([2**60 + row for row in range(600)])),
        ("kind", pa.array(["a", None] * 300).dictionary_encode()),
        ("nothing", pa.nulls(600)),
        ("amount", pa.array([1, 2] * 300).cast(pa.decimal128(21, 2))),
    ],
)
def test_a_function_may_be_given_columns_of_any_type(people: pa.Table, name: str, values: pa.Array[Any]) -> None:
    wide = people.append_column(name, values)
    found = seatrial.assess(
        lambda frame: probability(frame["age"], frame["hours"]), wide, label="rich", inputs=[*COLUMNS, name]
    )
    assert found.passed


def test_a_lazy_frame_is_collected(people: pa.Table) -> None:
    frame = pl.DataFrame(pl.from_arrow(people)).lazy()
    found = seatrial.assess(lambda rows: probability(rows["age"], rows["hours"]), frame, label="rich", inputs=COLUMNS)
    assert found.passed


def test_lists_are_no_groups(people: pa.Table) -> None:
    wide = people.append_column("lists", pa.array([[1, 2]] * people.num_rows))
    with pytest.raises(InputError, match=r'groups=\["lists"\]'):
        seatrial.assess(lambda frame: frame["age"], wide, label="rich", groups=["lists"])


def test_the_former_name_of_the_assumptions_still_reads_and_warns(model: Make, people: pa.Table) -> None:
    found = seatrial.assess(model(), people, label="rich")
    with pytest.warns(DeprecationWarning, match="assumptions"):
        assert found.understood == found.assumptions
