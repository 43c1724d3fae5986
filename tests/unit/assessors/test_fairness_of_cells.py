"""The fairness report from cells: the numbers of Fairlearn, from whatever the rows come in, and nobody is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from fairlearn.metrics import (  # type: ignore[import-untyped]  # it ships none
    MetricFrame,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_score

import seatrial
from seatrial.assessors.contingency.count_tables import table_of
from seatrial.errors import InputError
from seatrial.tryout.count import count_cells
from seatrial.verdicts.bounds.weighted_mean import EQUAL_ROWS
from seatrial.verdicts.contingency import Cells
from seatrial.verdicts.error_sums import ErrorSums
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.verdict import Outcome

EXACT = 1e-12
RATES: dict[str, Callable[..., float]] = {
    "accuracy": accuracy_score,
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "precision": precision_score,
    "f1": f1_score,
    "balanced_accuracy": balanced_accuracy_score,
}
SEXES, RACES = ("Female", "Male"), ("Asian", "Black", "White")


def answered(rows: int = 4000, seed: int = 3) -> pa.Table:
    random = np.random.default_rng(seed)
    label = random.random(rows) < 0.4
    answer = np.where(random.random(rows) < 0.8, label, ~label)
    return table_of(
        {
            "label": label.astype(np.int64),
            "answer": answer.astype(np.int64),
            "sex": random.choice(SEXES, rows),
            "race": random.choice(RACES, rows, p=[0.1, 0.3, 0.6]),
            "age": random.integers(18, 80, rows),
            "weight": random.integers(1, 5, rows),
            "price": random.normal(size=rows),
            "guess": random.normal(size=rows),
        }
    )


def found(report: seatrial.Fairness, claim: Claim) -> dict[str, Evidence]:
    return {item.slice: item for item in report.evidence if item.claim == claim}


def reference(table: pa.Table, by: list[str], *, weight: str | None = None) -> MetricFrame:
    people = table.to_pandas()
    weights = None if weight is None else {name: {"sample_weight": people[weight]} for name in RATES}
    return MetricFrame(
        metrics=RATES,
        y_true=people["label"],
        y_pred=people["answer"],
        sensitive_features=people[by],
        sample_params=weights,
    )


@pytest.mark.simulation
@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize("by", [["sex"], ["race"], ["sex", "race"]], ids="*".join)
def test_rates_differences_and_ratios_are_those_of_fairlearn(by: list[str], weight: str | None) -> None:
    table = answered()
    report = seatrial.fairness(
        table, label="label", answer="answer", groups=["*".join(by)], metrics=tuple(RATES), weight=weight
    )
    frame = reference(table, by, weight=weight)
    name = "*".join(by)
    for metric in RATES:
        groups = found(report, Claim(metric, Family.GROUPS, name))
        expected = {
            " × ".join((key,) if isinstance(key, str) else key): value for key, value in frame.by_group[metric].items()
        }
        assert {place.removeprefix(f"{name}="): item.estimate for place, item in groups.items()} == pytest.approx(
            expected, abs=EXACT
        )
        gaps = found(report, Claim(metric, Family.PAIRS, name))
        assert len(gaps) == len(expected) * (len(expected) - 1) / 2
        assert max(abs(item.estimate) for item in gaps.values()) == pytest.approx(frame.difference()[metric], abs=EXACT)
        ratios = found(report, Claim(metric, Family.RATIOS, name))
        assert min(min(item.estimate, 1 / item.estimate) for item in ratios.values()) == pytest.approx(
            frame.ratio()[metric], abs=EXACT
        )
        assert all(item.low <= item.estimate <= item.high for item in (*groups.values(), *gaps.values()))


@pytest.mark.parametrize("clip", [None, 3.0])
def test_mean_errors_by_group_are_those_of_numpy(clip: float | None) -> None:
    table = answered()
    report = seatrial.fairness(table, label="price", answer="guess", groups=["sex*race"], task="regression", clip=clip)
    people = table.to_pandas()
    people["error"] = (people["guess"] - people["price"]).clip(-clip if clip else None, clip)
    for (sex, race), part in people.groupby(["sex", "race"]):
        place = f"sex*race={sex} × {race}"
        expected = {
            "mean_error": part["error"].mean(),
            "mae": part["error"].abs().mean(),
            "rmse": np.sqrt((part["error"] ** 2).mean()),
        }
        for name, value in expected.items():
            metric = name if clip is None else f"clipped_{name}"
            claim = Claim(metric, Family.GROUPS, "sex*race")
            told = {one.slice: one.estimate for one in report.not_measured if one.claim == claim}  # without a bound
            told |= {name: one.estimate for name, one in found(report, claim).items()}
            assert told[place] == pytest.approx(value, abs=1e-12)


def counted(cells: Cells | ErrorSums) -> tuple[object, ...]:
    assert isinstance(cells, Cells)
    weighing = () if cells.weighing is None else (cells.weighing.sums.tolist(), cells.weighing.squares.tolist())
    codes = (cells.codes.tolist(), cells.actual.tolist(), cells.answered.tolist(), cells.rows.tolist())
    return cells.columns, cells.values, cells.classes, *codes, weighing


FORMS: dict[str, Callable[[pa.Table, Path], object]] = {
    "pandas": lambda table, _folder: table.to_pandas(),
    "polars": lambda table, _folder: pl.from_arrow(table),
    "numpy": lambda table, _folder: {name: table.column(name).to_numpy() for name in table.column_names},
    "a file": lambda table, folder: written(table, folder),
    "many small tables": lambda table, _folder: pa.concat_tables(
        [table.slice(start, 100) for start in range(0, table.num_rows, 100)]
    ),
}


def written(table: pa.Table, folder: Path) -> Path:
    pyarrow.parquet.write_table(table, folder / "people.parquet", row_group_size=500)
    return folder / "people.parquet"


@pytest.mark.parametrize(("rows", "equal"), [(EQUAL_ROWS, True), (EQUAL_ROWS - 1, False)])
def test_equal_weights_count_as_none_where_rows_are_not_few(rows: int, equal: bool) -> None:
    table = answered(rows)
    table = table.set_column(table.column_names.index("weight"), "weight", pa.array([2.5] * rows))
    options: dict[str, Any] = {"label": "label", "answer": "answer", "groups": ["sex"], "metrics": ["accuracy"]}
    weighted, plain = seatrial.fairness(table, weight="weight", **options), seatrial.fairness(table, **options)
    assert (weighted.evidence == plain.evidence) is equal
    assert any(item.flags for item in weighted.evidence) is not equal


@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_cells_come_from_every_form_of_a_table(form: str, weight: str | None, tmp_path: Path) -> None:
    table = answered(1000)
    groups = ["sex", "sex*age:30,50", "race"]
    of_arrow, _ = count_cells(table, label="label", answer="answer", groups=groups, weight=weight)
    other, _ = count_cells(FORMS[form](table, tmp_path), label="label", answer="answer", groups=groups, weight=weight)
    assert counted(other) == counted(of_arrow)
    assert other.total == 1000


def test_tables_of_a_stream_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.assessors.contingency import count_tables

    monkeypatch.setattr(count_tables, "_KEPT", 10)  # every other table is added to those before
    table, plan = answered(1000), count_tables.Counting("label", "answer", weight="weight")
    parts = [table.slice(start, 70) for start in range(0, 1000, 70)]
    added, whole = (count_tables.count_tables(each, plan).to_pylist() for each in (parts, [table]))
    assert sorted(added, key=repr) == sorted(whole, key=repr)


def test_values_written_differently_are_one_class_and_missing_ones_one_group() -> None:
    rows = {"label": [1, 0, 1, 0], "answer": ["true", "false", "false", "false"], "sex": [None, "", "Male", "Male"]}
    cells, _ = count_cells(rows, label="label", answer="answer", groups=["sex"])
    assert isinstance(cells, Cells)
    assert cells.classes == ("0", "1")
    assert cells.by("sex").names == ("Male", "(missing)")
    assert cells.by("sex").right.tolist() == [[1, 0], [1, 1]]


def lonely() -> pa.Table:
    """Two large groups that are treated alike, and one person."""
    label = np.tile([0, 1], 1000)
    sexes = [*["Female", "Female", "Male", "Male"] * 500, "Other"]
    return table_of({"label": np.append(label, 1), "answer": np.append(label, 0), "sex": sexes})


def test_a_group_of_one_row_is_measured_and_decides_nothing() -> None:
    policy = Policy(require=(Requirement("accuracy", gap_between="sex", at_most=0.1),))
    report = seatrial.fairness(lonely(), label="label", answer="answer", groups=["sex"], policy=policy)
    pairs = found(report, Claim("accuracy", Family.PAIRS, "sex"))
    assert set(pairs) == {"sex: Female − Male", "sex: Female − Other", "sex: Male − Other"}
    assert report.verdict is not None
    (finding,) = report.verdict.findings
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert {item.slice for item in finding.deciding} == {"sex: Female − Other", "sex: Male − Other"}
    assert finding.rows_needed is not None
    assert finding.rows_needed > 2001


@pytest.mark.parametrize("clip", [None, 2.0])
def test_a_group_of_one_row_has_no_narrow_bound_on_its_mean_error(clip: float | None) -> None:
    table = lonely()
    report = seatrial.fairness(table, label="label", answer="answer", groups=["sex"], task="regression", clip=clip)
    claim = Claim("mae" if clip is None else "clipped_mae", Family.GROUPS, "sex")
    items: tuple[Evidence | NotMeasured, ...] = (*report.evidence, *report.not_measured)
    alone = [item for item in items if item.claim == claim and "Other" in item.slice]
    assert len(alone) == 1
    if clip is not None:
        assert isinstance(alone[0], Evidence)
        assert (alone[0].low, alone[0].high) == (0, clip)


def test_a_group_without_positives_is_said_to_have_no_true_positive_rate() -> None:
    table = pa.table({"label": [1, 0, 0, 0], "answer": [1, 0, 1, 0], "sex": ["Female", "Female", "Male", "Male"]})
    report = seatrial.fairness(table, label="label", answer="answer", groups="sex", metrics=["true_positive_rate"])
    gaps = [item for item in report.not_measured if item.claim.family is Family.PAIRS]
    assert [(item.slice, item.reason) for item in gaps] == [
        ("sex: Female − Male", 'no positive rows in group "Male"'),
    ]


def test_several_classes_have_rates_over_all_of_them() -> None:
    random = np.random.default_rng(5)
    label = random.choice(["ant", "bee", "cat"], 900)
    answer = np.where(random.random(900) < 0.7, label, random.choice(["ant", "bee", "cat"], 900))
    table = table_of({"label": label, "answer": answer, "sex": random.choice(SEXES, 900)})
    report = seatrial.fairness(table, label="label", answer="answer", groups=["sex"])
    assert report.positive is None
    overall = {item.claim.metric: item.estimate for item in report.evidence if item.claim.family is Family.ALL}
    assert overall == pytest.approx(
        {
            "accuracy": accuracy_score(label, answer),
            "balanced_accuracy": balanced_accuracy_score(label, answer),
            "precision": precision_score(label, answer, average="macro"),
            "f1": f1_score(label, answer, average="macro"),
        },
        abs=EXACT,
    )


def test_the_report_prints_its_numbers_and_the_verdict() -> None:
    policy = Policy(require=(Requirement("accuracy", gap_between="sex", at_most=0.1),))
    said = str(seatrial.fairness(lonely(), label="label", answer="answer", groups=["sex"], policy=policy))
    assert "Verdict: INCONCLUSIVE" in said
    assert "a new test set would need" in said
    assert "sex: Female ÷ Other" in said or "sex: Other ÷ Female" in said


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no such column": ({"groups": ["sexe"]}, 'Did you mean "sex"?'),
    "a label without a value": ({"label": "gap"}, "1 of 4 rows lack a value"),
    "an answer that is no class": ({"classes": ["0", "2"]}, "none of the classes"),
    "weights of nobody": ({"weight": "gap"}, "weights are not positive"),
    "weights without a unit": ({"weight": "tiny"}, "too large or too small"),
    "a metric that is none": ({"metrics": ["acuracy"]}, 'Did you mean "accuracy"?'),
    "a rate of a regression": ({"metrics": ["accuracy"], "task": "regression"}, "It has"),
    "bins of texts": ({"groups": ["sex:1,2"]}, "bins need numbers"),
    "weighted errors": ({"task": "regression", "weight": "age"}, "weighted errors"),
    "errors of texts": ({"task": "regression", "label": "sex"}, "differences of numbers"),
    "errors of rows without a label": ({"task": "regression", "label": "gap"}, "1 rows lack a label"),
    "a positive class that is none": ({"positive": "yes"}, "positive must be one of the classes, got 'yes'"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named_with_its_mend(mistake: str) -> None:
    table = pa.table(
        {
            "label": [0, 1, 0, 1],
            "answer": [0, 1, 1, 0],
            "sex": ["Female", "Male", "Male", "Female"],
            "age": [20, 30, 40, 50],
            "gap": [1.0, None, 2.0, 1.0],
            "tiny": [1e-180, 1e-180, 1e-180, 1e-180],
        }
    )
    given, words = WRONG[mistake]
    arguments: dict[str, object] = {"label": "label", "answer": "answer", "groups": ["sex"], **given}
    with pytest.raises(InputError) as error:
        seatrial.fairness(table, **arguments)  # type: ignore[arg-type] # each of another type
    assert words in str(error.value)
    assert error.value.hint


def test_a_table_without_rows_is_an_error() -> None:
    with pytest.raises(InputError, match="at least one row"):
        seatrial.fairness(answered(0), label="label", answer="answer", groups=["sex"])


def test_a_column_that_hardly_repeats_a_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.assessors.contingency.count_tables.MOST_CELLS", 100)
    with pytest.raises(InputError, match="More than 100 combinations"):
        seatrial.fairness(answered(), label="label", answer="answer", groups=["price"])


def test_a_grouping_of_too_many_groups_is_not_measured_and_says_so() -> None:
    report = seatrial.fairness(answered(), label="label", answer="answer", groups=["age", "sex"])
    reasons = {item.reason for item in report.not_measured if item.claim.column == "age"}
    assert reasons == {'column "age" has 62 groups, more than 50'}
    assert found(report, Claim("accuracy", Family.PAIRS, "sex"))
    assert isinstance(report.cells, Cells)
    assert pd.Series(report.cells.by("age").rows).sum() == 4000
