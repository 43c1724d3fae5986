"""Cells from Spark: the same as from Arrow and NumPy, down to the names of groups, and so every number of a report."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import seatrial
from seatrial.errors import InputError
from seatrial.tryout.count import count_cells
from seatrial.verdicts.contingency import Cells
from seatrial.verdicts.error_sums import ErrorSums
from seatrial.verdicts.evidence import Evidence

from .lake import PYSPARK_LEAKS, Lake

pytestmark = [
    pytest.mark.filterwarnings(PYSPARK_LEAKS),
    pytest.mark.parametrize("lake", ["seaweed-sqlite"], indirect=True),  # nothing here depends on the store
]

ROWS = 3000
SCHEMA = (
    "label int, answer boolean, sex string, `a.dot` string, age int, income double, weight double, price double, "
    "guess double"
)
GROUPS = ["sex", "a.dot", "income:0.5,1000000", "sex*age:30,50"]
EXACT = 1e-12


@pytest.fixture(scope="module")
def frame(lake: Lake) -> Any:
    draw = random.Random(5)
    rows = [
        (
            draw.randrange(2),
            draw.random() < 0.6,
            draw.choice(["Female", "Male", "Zürich", "", None]),
            draw.choice(["x", "y"]),
            draw.choice([None, *range(18, 80)]),
            draw.choice([None, math.nan, math.inf, -math.inf, 0.5, -0.0, 1e6, 3.25]),
            draw.uniform(0.5, 4),
            draw.gauss(0, 1),
            draw.gauss(0, 1),
        )
        for _ in range(ROWS)
    ]
    return lake.spark.createDataFrame(rows, SCHEMA).repartition(3).persist()


def in_other_forms(frame: Any) -> list[Any]:
    table = frame.toArrow()
    arrays = {name: table.column(name).to_numpy() for name in table.column_names}
    return [table, arrays]


@pytest.mark.parametrize("weight", [None, "weight"])
def test_cells_are_those_of_arrow_and_numpy(frame: Any, weight: str | None) -> None:
    here, specs = count_cells(frame, label="label", answer="answer", groups=GROUPS, weight=weight)
    assert isinstance(here, Cells)
    assert here.total == ROWS
    for other in in_other_forms(frame):
        if not isinstance(other, pa.Table):  # NumPy has no whole numbers with gaps: its ages are floats
            names = {"under 30", "30 to under 50", "50 and over", "(missing)"}
            ages = count_cells(other, label="label", answer="answer", groups=["age:30,50"])[0]
            assert isinstance(ages, Cells)
            assert set(ages.values[0]) == names
            other = {**other, "age": frame.toArrow().column("age")}
        there, _ = count_cells(other, label="label", answer="answer", groups=GROUPS, weight=weight)
        assert isinstance(there, Cells)
        assert (here.columns, here.values, here.classes) == (there.columns, there.values, there.classes)
        for one, two in (
            (here.codes, there.codes),
            (here.actual, there.actual),
            (here.answered, there.answered),
            (here.rows, there.rows),
        ):
            assert np.array_equal(one, two)
        if weight is not None:
            assert here.weighing is not None
            assert there.weighing is not None
            assert here.weighing.heaviest == there.weighing.heaviest
            np.testing.assert_allclose(here.weighing.sums, there.weighing.sums, rtol=EXACT)
            np.testing.assert_allclose(here.weighing.squares, there.weighing.squares, rtol=EXACT)
    assert [spec.name for spec in specs] == ["sex", "a.dot", "income", "sex*age"]


@pytest.mark.parametrize("clip", [None, 1.5])
def test_sums_of_errors_are_those_of_arrow_and_numpy(frame: Any, clip: float | None) -> None:
    given: dict[str, Any] = {"label": "price", "answer": "guess", "groups": ["sex"], "regression": True, "clip": clip}
    here, _ = count_cells(frame, **given)
    assert isinstance(here, ErrorSums)
    for other in in_other_forms(frame):
        there, _ = count_cells(other, **given)
        assert isinstance(there, ErrorSums)
        assert here.values == there.values
        assert np.array_equal(here.rows, there.rows)
        assert np.array_equal(here.clipped, there.clipped)
        assert (here.clipped.sum() > 0) == (clip is not None)
        for power, sums in here.sums.items():
            np.testing.assert_allclose(sums, there.sums[power], rtol=1e-10, atol=1e-10)


def test_every_number_of_a_report_is_the_same(frame: Any) -> None:
    reports = [
        seatrial.fairness(each, label="label", answer="answer", groups=["sex", "a.dot", "sex*age:30,50"])
        for each in (frame, frame.toArrow())
    ]
    assert reports[0].evidence == reports[1].evidence
    assert reports[0].not_measured == reports[1].not_measured
    assert len(reports[0].evidence) > 500
    assert all(isinstance(item, Evidence) for item in reports[0].evidence)


def test_it_is_one_aggregate_of_the_rows(frame: Any, lake: Lake) -> None:
    from seatrial.prepare.counting import Key, count_rows

    plans = []
    original = type(frame).toArrow

    def seen(self: Any) -> Any:
        plans.append(self._jdf.queryExecution().executedPlan().toString())
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(frame), "toArrow", seen)
        count_rows(frame, label="label", answer="answer", keys=[Key("sex")])
    (plan,) = plans
    assert plan.count("InMemoryTableScan") == 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such column": ({"groups": ["sexe"]}, 'Did you mean "sex"?'),
    "bins of texts": ({"groups": ["sex:1,2"]}, "bins need them"),
    "a label without a value": ({"label": "age"}, "rows lack a value"),
    "weights of nobody": ({"weight": "price"}, "weights are not positive"),
    "errors that are no numbers": ({"label": "income", "answer": "guess", "regression": True}, "are not numbers"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named_as_for_any_table(frame: Any, mistake: str) -> None:
    given, words = WRONG[mistake]
    with pytest.raises(InputError) as error:
        count_cells(frame, **{"label": "label", "answer": "answer", "groups": ["sex"], **given})
    assert words in str(error.value)
    assert error.value.hint


def test_a_frame_without_rows_is_an_error(frame: Any) -> None:
    with pytest.raises(InputError, match="at least one row"):
        count_cells(frame.limit(0), label="label", answer="answer", groups=["sex"])
