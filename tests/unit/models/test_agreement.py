from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from seatrial.errors import InputError, StepFailed
from seatrial.models.agreement import TOLERANCE, Agreement, compare, compare_with_original
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature

BINARY = Signature(
    (Column("a", "number"), Column("code", "number"), Column("text", "text")), "binary", ("no", "yes"), "yes", 0.5
)
COUNT = 400


class Package:
    """A predictor whose probability of "yes" is a function of the rows."""

    def __init__(self, function: Callable[[pa.Table], NDArray[np.float64]], signature: Signature = BINARY) -> None:
        self.signature = signature
        self._function = function

    def predict(self, rows: pa.Table) -> Predictions:
        return predictions(self._function(rows), self.signature)


def predictions(values: NDArray[np.float64], signature: Signature = BINARY) -> Predictions:
    if signature.task == "regression":
        return Predictions(values, None)
    both = np.column_stack([1 - values, values])
    return Predictions(np.array(["no", "yes"], object)[(values >= 0.5).astype(int)], both)


def rows() -> pa.Table:
    random = np.random.default_rng(7)
    return pa.table(
        {
            "a": pa.array(random.normal(size=COUNT), mask=random.random(COUNT) < 0.1),
            "code": pa.array(random.integers(0, 6, COUNT)),
            "text": pa.array(random.choice(np.array(["x", "y", "z"]), COUNT), mask=random.random(COUNT) < 0.1),
            "id": pa.array(np.arange(COUNT)),
        }
    )


def numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    found: NDArray[np.float64] = table[name].cast(pa.float64()).fill_null(pa.scalar(np.nan)).to_numpy()
    return found


def smooth(table: pa.Table) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.nan_to_num(numbers(table, "a"))))


def found(original: NDArray[np.float64], package: Callable[[pa.Table], NDArray[np.float64]]) -> Agreement:
    return compare(predictions(original), Package(package), rows(), name="XGBoost")


def test_equal_answers_are_told_in_one_sentence() -> None:
    agreement = found(smooth(rows()) + 3e-7, smooth)
    assert (agreement.differing, agreement.causes, agreement.worst) == (0, (), ())
    assert str(agreement) == "answers equal XGBoost's on 400 rows, largest gap 3e-07"


def test_the_worst_rows_are_shown_with_their_inputs_and_both_answers() -> None:
    original = smooth(rows())
    original[[5, 9]] += np.array([1e-3, 2e-3])
    agreement = found(original, smooth)
    assert (agreement.rows, agreement.differing) == (COUNT, 2)
    assert [one.row for one in agreement.worst] == [9, 5]
    assert agreement.worst[0].gap == pytest.approx(2e-3)
    assert set(agreement.worst[0].inputs) == {"a", "code", "text"}
    assert agreement.worst[0].inputs["code"] == rows()["code"][9].as_py()
    assert np.subtract(agreement.worst[0].original, agreement.worst[0].packaged) == pytest.approx([-2e-3, 2e-3])


def test_values_of_a_regression_may_differ_by_a_fraction_of_their_size() -> None:
    signature = Signature(BINARY.inputs, "regression")
    values = np.array([1e6] * COUNT)
    package = Package(lambda table: np.full(table.num_rows, 1e6 + 5), signature)
    assert compare(predictions(values, signature), package, rows(), name="torch").differing == 0
    package = Package(lambda table: np.full(table.num_rows, 1e6 + 50), signature)
    assert compare(predictions(values, signature), package, rows(), name="torch").differing == COUNT


def test_labels_without_probabilities_are_compared_as_they_are() -> None:
    class Labels(Package):
        def predict(self, rows: pa.Table) -> Predictions:
            return Predictions(super().predict(rows).labels, None)

    original = predictions(smooth(rows()))
    swapped = np.where(np.arange(COUNT) == 3, "?", original.labels).astype(object)
    agreement = compare(Predictions(swapped, None), Labels(smooth), rows(), name="sklearn")
    assert [(one.row, one.original) for one in agreement.worst] == [(3, "?")]


@pytest.mark.parametrize(
    ("column", "hint"), [("a", "fill them in front of the model"), ("text", 'enters a package as ""')]
)
def test_rows_that_miss_a_value_are_recognised(column: str, hint: str) -> None:
    missing = rows()[column].is_null().to_numpy()
    agreement = found(
        np.where(missing, 0.9, smooth(rows())),
        lambda table: np.where(table[column].is_null().to_numpy(), 0.2, smooth(table)),
    )
    assert agreement.differing == missing.sum()
    (cause,) = agreement.causes
    assert cause.problem == f'every row that differs misses "{column}"'
    assert hint in cause.hint
    assert next(iter(agreement.worst[0].inputs)) == column


@pytest.mark.parametrize(("column", "value"), [("code", 3), ("text", "y")])
def test_a_category_that_has_another_code_is_recognised(column: str, value: int | str) -> None:
    chosen = np.array([one == value for one in rows()[column].to_pylist()])
    agreement = found(np.where(chosen, 0.9, smooth(rows())), smooth)
    (cause,) = agreement.causes
    assert cause.problem == f"the rows that differ are those with '{value}' in \"{column}\""
    assert "category" in cause.hint


def test_values_between_a_threshold_and_its_float32_neighbour_are_recognised() -> None:
    threshold = 0.1  # no float32 is this number
    table = rows().set_column(0, "a", pa.array(np.where(np.arange(COUNT) < 4, threshold, np.linspace(-2, 2, COUNT))))

    def exact(asked: pa.Table) -> NDArray[np.float64]:
        return np.where(numbers(asked, "a") <= threshold, 0.2, 0.7)

    def rounded(asked: pa.Table) -> NDArray[np.float64]:
        below = np.nextafter(np.float32(threshold), np.float32(-1))
        return np.where(numbers(asked, "a").astype(np.float32) <= below, 0.2, 0.7)

    agreement = compare(predictions(exact(table)), Package(rounded), table, name="LightGBM")
    assert agreement.differing == 4
    (cause,) = agreement.causes
    assert cause.columns == ("a",)
    assert "float32 neighbour" in cause.problem
    assert "astype('float32')" in cause.hint


def test_two_classes_in_the_other_order_are_recognised() -> None:
    agreement = found(smooth(rows()), lambda table: 1 - smooth(table))
    assert [cause.problem for cause in agreement.causes] == ["the two classes are in the other order"]


def test_answers_that_are_nan_are_a_cause_of_their_own() -> None:
    agreement = found(np.full(COUNT, np.nan), smooth)
    assert "NaN" in agreement.causes[0].problem


def test_without_a_usual_cause_something_random_or_stateful_is_suspected() -> None:
    original = smooth(rows()) + np.random.default_rng(1).normal(size=COUNT) * 0.01
    assert "randomness" in found(original, smooth).causes[0].problem


def test_beyond_the_tolerance_the_error_shows_rows_causes_and_the_way_out() -> None:
    original = np.where(rows()["a"].is_null().to_numpy(), 0.9, smooth(rows()))
    with pytest.raises(StepFailed) as caught:
        compare_with_original(predictions(original), Package(smooth), rows(), name="XGBoost")
    text = str(caught.value)
    assert "the package and XGBoost disagree on" in text
    assert "nothing was packaged" in text
    assert 'Every row that differs misses "a".' in text
    assert "a=None" in text
    assert text.endswith("fill them in front of the model.")
    assert len(text.splitlines()) <= 12


def test_within_the_tolerance_there_is_one_note() -> None:
    notes = compare_with_original(predictions(smooth(rows()) + TOLERANCE / 2), Package(smooth), rows())
    assert notes == ("answers equal those of the original on 400 rows, largest gap 5e-06",)


def test_no_rows_agree_with_nothing() -> None:
    with pytest.raises(InputError, match="at least one row, got 0"):
        compare(predictions(np.zeros(0)), Package(smooth), rows().slice(0, 0), name="x")
