"""Reports of more than rates: comparisons with other models, classes, ratios, regressions, and a trial alone."""

from dataclasses import replace
from itertools import combinations

import pytest

from seatrial.report.classes import class_table
from seatrial.report.comparisons import comparisons, reference_sentences
from seatrial.report.gaps import gaps
from seatrial.report.groups import columns
from seatrial.report.html import render_report
from seatrial.report.requirements import requirement_title
from seatrial.report.terminal.measured import measured_lines, not_measured_lines
from seatrial.report.terminal.verdict import verdict_lines
from seatrial.report.view import TryInputs
from seatrial.report.words import number, numbers
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial
from tests.report_sample import census_view


def evidence(
    claim: Claim, low: float, estimate: float, high: float, slice_: str = "all", **conditions: str
) -> Evidence:
    return Evidence(claim, slice_, estimate, low, high, 0.975, 900, "betting", conditions)


def trial(
    *found: Evidence, gaps: tuple[NotMeasured, ...] = (), references: dict[str, str | None] | None = None
) -> Trial:
    return Trial("m" * 64, "p" * 64, "test", 0.975, 7, found, gaps, TestUse("d" * 64, 900, 1), references or {})


LARGEST_PAGE = 300_000  # bytes: a page that mails and opens at once
BETTER = evidence(
    Claim("accuracy", against="baseline"), 0.05, 0.08, 0.11, reference="majority class <=50K, right in 0.764"
)
NO_WORSE = Requirement("accuracy", no_worse_than="baseline")
NEWEST = Requirement("roc_auc", no_worse_than="newest_passed", margin=0.01)


def test_a_comparison_says_with_what_and_whether_it_is_surely_better() -> None:
    (found,) = comparisons(trial(BETTER))
    assert (found.metric, found.difference, found.bounds, found.surely) == (
        "Accuracy",
        "+0.080",
        "+0.050 to +0.110",
        "better",
    )
    assert found.reference == "the baseline: majority class <=50K, right in 0.764"


@pytest.mark.parametrize(("low", "high", "surely"), [(0.1, 0.3, "worse"), (-0.3, -0.1, "better"), (-0.1, 0.1, "")])
def test_a_lower_loss_is_better(low: float, high: float, surely: str) -> None:
    (found,) = comparisons(trial(evidence(Claim("log_loss", against="other.onnx"), low, (low + high) / 2, high)))
    assert found.surely == surely


def test_requirements_of_comparison_and_ratio_read_as_people_say_them() -> None:
    assert requirement_title(NO_WORSE) == "Accuracy, no worse than the baseline"
    assert requirement_title(NEWEST) == "ROC AUC, no worse than the newest release that passed by more than 0.01"
    ratio = Requirement("selection_rate", at_least=0.8, ratio_between="sex")
    assert requirement_title(ratio) == "Selection rate ratio by sex, within 0.8 to 1.25"


def test_what_does_not_apply_yet_is_said_and_is_no_gap() -> None:
    policy = Policy(0.95, (NO_WORSE, NEWEST))
    tried = trial(BETTER, references={"newest_passed": None})
    said = "\n".join(verdict_lines(judge(policy, tried), tried))
    assert "– not applicable" in said
    assert "1 of 1 requirements hold, 1 more does not apply yet (bounds at" in said
    assert "nothing measured" not in said
    view = replace(census_view(), policy=policy, trial=tried, verdict=judge(policy, tried))
    page = render_report(view)
    assert "It does not apply yet: no release has passed that it could be compared with." in page
    assert "The one requirement holds. 1 more does not apply." in page


def test_classes_stand_beside_each_other() -> None:
    table = class_table(
        trial(
            evidence(Claim("precision", of_class="setosa"), 0.9, 0.95, 0.99),
            evidence(Claim("f1", of_class="setosa"), 0.8, 0.9, 0.95),
            evidence(Claim("precision", of_class="virginica"), 0.5, 0.6, 0.7),
            evidence(Claim("precision", Family.GROUPS, "site", "virginica"), 0.5, 0.6, 0.7, "site=A"),
        )
    )
    assert table is not None
    assert table.metrics == ("Precision", "F1")
    assert [(row.name, row.cells) for row in table.rows] == [
        ("setosa", (("0.950", "0.900 to 0.990"), ("0.900", "0.800 to 0.950"))),
        ("virginica", (("0.600", "0.500 to 0.700"), None)),
    ]


def test_a_ratio_stands_beside_the_difference_of_the_same_pair() -> None:
    pair, ratio = (Claim("selection_rate", family, "sex") for family in (Family.PAIRS, Family.RATIOS))
    (column,) = columns(
        trial(
            evidence(pair, -0.2, -0.1, 0.0, "sex: Female − Male"),
            evidence(ratio, 0.5, 0.6, 0.7, "sex: Female ÷ Male"),
        ),
        Policy(),
    )
    assert column.compared == ("Selection rate", "Selection rate, ratio")
    ((label, differences),) = [(one.label, one.differences) for one in column.pairs]
    assert label == "Female − Male"
    assert [(one.estimate, one.sure) for one in differences if one is not None] == [("−0.100", False), ("0.600", True)]


def test_the_terminal_lists_what_else_was_measured_and_the_ends_of_groups() -> None:
    ages = [
        evidence(Claim("accuracy", Family.GROUPS, "age"), 0.1 * i, 0.1 * i, 0.1 * i, f"age={i}") for i in range(1, 6)
    ]
    lines = measured_lines(trial(BETTER, *ages, evidence(Claim("roc_auc"), 0.88, 0.9, 0.91)), Policy(0.95, (NO_WORSE,)))
    assert lines[1].split("  ")[1] == "ROC AUC"
    assert not any("baseline" in line for line in lines)  # it is a requirement, and has its own table
    assert [line for line in lines if "age: 1" in line]
    assert [line for line in lines if "age: 5" in line]
    assert not [line for line in lines if "age: 3" in line]


def test_what_was_not_measured_is_one_line_a_reason() -> None:
    gaps = tuple(
        NotMeasured(Claim("true_positive_rate", Family.GROUPS, "race"), f"race={name}", "no positive rows")
        for name in ("Black", "Other", "White")
    )
    auc = NotMeasured(Claim("roc_auc"), "all", "the model gives no probabilities")
    assert not_measured_lines(trial(gaps=(*gaps, auc))) == [
        "  ROC AUC: the model gives no probabilities",
        "  True positive rate for each race (race: Black; Other; White): no positive rows",
    ]


def test_a_trial_alone_is_called_what_it_is_and_tells_what_was_understood() -> None:
    view = replace(
        census_view(),
        name="model.onnx",
        version=None,
        digest=None,
        provenance=None,
        tried=TryInputs("people.csv", "income", assumptions=("Task: <binary>.",), unasked=("Privacy: it needs more",)),
    )
    page = render_report(view)
    assert view.title == "model.onnx"
    assert 'class="banner rehearsal"' not in page
    assert "Task: &lt;binary&gt;." in page
    assert "signed by" not in page
    assert "Nothing was released and nothing was signed" in page
    assert "Privacy: it needs more" in page[page.index('id="not-measured"') :]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.123"), (12.345, "12.35"), (123456.7, "123\u202f457"), (-4321.0, "−4\u202f321"), (9.9999, "10.000")],
)
def test_numbers_in_the_labels_unit_lose_the_digits_nobody_needs(value: float, text: str) -> None:
    assert number(value) == text


def test_an_estimate_and_its_bounds_have_equally_many_decimals() -> None:
    said = numbers(evidence(Claim("mean_error"), -786.5, 1358.2, 3500.0))
    assert (said.estimate, said.bounds) == ("+1\u202f358".lstrip("+"), "−786 to 3\u202f500")


def test_small_errors_in_the_labels_unit_keep_their_digits() -> None:
    said = numbers(evidence(Claim("mae"), 0.00041, 0.00042, 0.00043))
    assert (said.estimate, said.bounds) == ("0.0004200", "0.0004100 to 0.0004300")


def test_a_comparison_shows_the_two_numbers_that_it_is_the_difference_of() -> None:
    stated = {"model_estimate": "30653.02", "reference_estimate": "101044.6", "reference": "median 349109, 1.01e+05"}
    (found,) = comparisons(trial(evidence(Claim("mae", against="baseline"), -74746, -70391, -66169, **stated)))
    assert (found.own, found.other) == ("30\u202f653", "101\u202f045")
    assert found.reference == "the baseline: median 349109"


def test_a_model_that_is_compared_with_goes_by_its_name() -> None:
    stated = {"model_estimate": "0.714", "reference_estimate": "0.6823", "reference": "0.6823"}
    one = trial(evidence(Claim("accuracy", against="older.json"), 0.014, 0.032, 0.05, **stated))
    assert list(reference_sentences(one)) == ["Accuracy 0.714; older.json: 0.682"]


def test_gaps_of_one_reason_and_column_are_one() -> None:
    groups = [
        NotMeasured(Claim("true_positive_rate", family, "race"), slice_, 'no positive rows in group "Other"')
        for family, slice_ in (
            (Family.GROUPS, "race=Other"), (Family.PAIRS, "race: Other − White"), (Family.PAIRS, "race: Black − Other")
        )
    ]  # fmt: skip
    bins = NotMeasured(Claim("calibration_gap"), "bin 3", "no rows")
    (found,) = gaps(trial(gaps=(*groups, bins)))
    assert found.what == "True positive rate for each race; True positive rate gap by race"
    assert found.where == "race: Other; Other − White; Black − Other"


def test_the_base_rate_of_the_positive_class_stands_beside_the_verdict() -> None:
    page = render_report(census_view())
    facts = page[page.index('<dl class="facts">') : page.index("</dl>")]
    assert "positive" not in facts  # the sample has no true positive rate overall
    found = trial(
        evidence(Claim("accuracy"), 0.8, 0.85, 0.9),
        replace(evidence(Claim("true_positive_rate"), 0.5, 0.6, 0.7), rows=212),
    )
    page = render_report(replace(census_view(), trial=found))
    assert "212 of 900 rows (23.6\u202f%)" in page[page.index('<dl class="facts">') : page.index("</dl>")]


def test_a_weighted_trial_is_not_called_unweighted_for_what_is_counted_by_rows() -> None:
    counted = evidence(Claim("unknown_values"), 0.0, 0.0, 0.01, weights="unweighted")
    weighted = evidence(Claim("accuracy"), 0.8, 0.85, 0.9, weights="people")
    assert "unweighted" not in render_report(replace(census_view(), trial=trial(counted, weighted)))
    plain = evidence(Claim("accuracy"), 0.8, 0.85, 0.9, weights="unweighted")
    assert "unweighted" in render_report(replace(census_view(), trial=trial(counted, plain)))


def test_a_page_of_four_columns_of_ten_groups_stays_small() -> None:
    found = []
    for column in ("a", "b", "c", "d"):
        for metric in ("accuracy", "selection_rate", "true_positive_rate", "false_positive_rate"):
            names = [f"group number {place}" for place in range(10)]
            each = Claim(metric, Family.GROUPS, column)
            pair = Claim(metric, Family.PAIRS, column)
            found += [evidence(each, 0.1, 0.2, 0.3, f"{column}={name}") for name in names]
            found += [evidence(pair, -0.1, 0.0, 0.1, f"{column}: {one} − {two}") for one, two in combinations(names, 2)]
    assert len(render_report(replace(census_view(), trial=trial(*found))).encode()) < LARGEST_PAGE
