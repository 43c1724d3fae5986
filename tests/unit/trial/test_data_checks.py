from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.errors import InputError
from seatrial.models.signature import Task
from seatrial.trial.data_checks import data_checks
from seatrial.trial.data_checks.data_checks import KINDS, DataChecks
from seatrial.trial.data_checks.note import Note

ROWS = 1000


def honest(rows: int = ROWS, seed: int = 7) -> pa.Table:
    """A table with nothing to say about it: fractions make its rows different."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 10, rows)
    return pa.table(
        {
            "age": pa.array(age),
            "hours": pa.array(random.integers(1, 99, rows)),
            "sex": pa.array(random.choice(np.array(["Female", "Male"]), rows)),
            "label": pa.array(np.where(age + random.normal(0, 10, rows) > 40, "yes", "no")),
        }
    )


def notes(
    table: pa.Table,
    *,
    inputs: Sequence[str] = ("age", "hours", "sex"),
    task: Task = "binary",
    train: pa.Table | None = None,
    groups: Sequence[str] = (),
    vocabularies: Mapping[str, Collection[str]] | None = None,
    chunk: int = 300,
) -> tuple[Note, ...]:
    found = DataChecks(
        table.schema,
        label="label",
        task=task,
        inputs=inputs,
        groups=parse_groups(groups, table.column_names),
        vocabularies=vocabularies,
    )
    for start in range(0, table.num_rows, chunk):
        found.see(table.slice(start, chunk).select(found.columns))
    for start in range(0, 0 if train is None else train.num_rows, chunk):
        assert train is not None
        found.see_train(train.slice(start, chunk).select(found.train_columns))
    return found.notes()


def labels() -> list[str]:
    return [str(label) for label in honest()["label"].to_pylist()]


def only(found: tuple[Note, ...], kind: str) -> Note:
    assert [note.kind for note in found] == [kind]
    return found[0]


def put(table: pa.Table, name: str, values: Any) -> pa.Table:
    array = pa.array(values)
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, array)
    return table.append_column(name, array)


def test_of_honest_rows_nothing_is_said() -> None:
    assert notes(honest(), train=honest(seed=8), groups=["sex"], vocabularies={"sex": {"Female", "Male"}}) == ()


def test_rows_without_a_label_are_counted_and_left_out() -> None:
    table = put(honest(), "label", [None, "", *honest()["label"].to_pylist()[2:]])
    note = only(notes(table), "unlabelled")
    assert note.text.startswith("2 of 1,000 rows (0.2%) have no label")


def test_one_class_is_named() -> None:
    assert "the label yes" in only(notes(put(honest(), "label", ["yes"] * ROWS)), "one_class").text


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        (np.linspace(0.5, 2.5, ROWS), "binary", r"1,000 different values, with fractions"),
        (np.arange(ROWS) // 2, "multiclass", r"500 different values, which is many"),
        (["a", "b"] * (ROWS // 2), "regression", r"holds texts"),
        ([0, 1] * (ROWS // 2), "regression", r"only the values 0 and 1"),
    ],
)
def test_a_label_that_is_not_the_tasks_is_said(values: Any, task: Task, words: str) -> None:
    found = [note for note in notes(put(honest(), "label", values), task=task) if note.kind == "label_type"]
    assert len(found) == 1
    assert words in found[0].text


@pytest.mark.parametrize(
    ("plain", "other", "words"),
    [("yes", "yes ", "'yes', 'yes '"), ("yes", "Yes", "'Yes', 'yes'"), ("é", "e\u0301", r"'e\u0301', '\xe9'")],
)
def test_classes_and_groups_that_differ_in_their_spelling_alone_are_told(plain: str, other: str, words: str) -> None:
    spelled = [plain if label == "yes" else label for label in labels()]
    spelled[0] = spelled[1] = other
    label = only(notes(put(honest(), "label", spelled), task="multiclass"), "spelling")
    assert (label.column, label.text.endswith(f"are classes of their own: {words}.")) == ("label", True)
    groups = notes(put(honest(), "port", [plain, other] * (ROWS // 2)), groups=["port"])
    assert only(groups, "spelling").text.endswith(f"are groups of their own: {words}.")


def test_copies_of_rows_are_counted_wherever_they_stand() -> None:
    table = pa.concat_tables([honest(), honest().slice(0, 100)])
    assert only(notes(table), "duplicates").text.startswith("100 of 1,100 rows (9.1%)")


def test_rows_that_differ_in_the_label_alone_are_no_copies() -> None:
    swapped = put(honest(), "label", ["no" if label == "yes" else "yes" for label in labels()])
    assert notes(pa.concat_tables([honest(), swapped])) == ()


def test_test_rows_that_are_in_the_training_set_are_counted_whatever_its_types() -> None:
    train = pa.concat_tables([honest(seed=8), honest().slice(0, 250)])
    train = put(train, "hours", train["hours"].cast(pa.float64()).combine_chunks())
    train = put(train, "sex", train["sex"].combine_chunks().dictionary_encode())
    assert only(notes(honest(), train=train), "overlap").text.startswith("250 of 1,000 rows (25.0%)")


def test_the_overlap_of_more_rows_than_are_remembered_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_checks, "ROWS_REMEMBERED", 500)
    table = honest(20_000)
    train = pa.concat_tables([table.slice(0, 5_000), honest(15_000, seed=8)])
    text = only(notes(table, train=train, chunk=4_000), "overlap").text
    assert text.startswith("about ")
    count = int(text.removeprefix("about ").split(" ")[0].replace(",", ""))
    assert 3_500 < count < 6_500  # some 125 of the 500 that are kept: 3 standard errors are 27 %


def test_a_column_that_is_text_there_and_a_number_here_is_an_error() -> None:
    train = put(honest(), "hours", ["many"] * ROWS)
    with pytest.raises(InputError, match="'hours' is text in the training set, and a number in the rows"):
        notes(honest(), train=train)


@pytest.mark.parametrize("values", [[f"person {i}" for i in range(ROWS)], list(range(ROWS))])
def test_an_input_with_a_value_of_its_own_in_each_row_is_an_identifier(values: Any) -> None:
    note = only(notes(put(honest(), "id", values), inputs=("age", "id")), "identifier")
    assert note.column == "id"
    assert "100% of the rows" in note.text


def test_an_identifier_that_the_model_does_not_take_is_nobodys_business() -> None:
    assert notes(put(honest(), "id", list(range(ROWS)))) == ()


def test_a_constant_input_is_named() -> None:
    assert only(notes(put(honest(), "hours", [40] * ROWS)), "constant").column == "hours"


def test_many_constant_inputs_are_named_together() -> None:
    table, names = honest(), [f"pixel_{place}" for place in range(40)]
    for name in names:
        table = put(table, name, [0.0] * ROWS)
    note = only(notes(table, inputs=("age", *names)), "constant")
    assert note.column is None
    assert note.text.startswith("40 of 41 inputs (pixel_0, pixel_1, pixel_2 …) have the same value in every row")


def test_an_input_that_tells_the_class_is_a_suspected_leak() -> None:
    codes = [{"yes": "A7", "no": "B2"}[label] for label in labels()]
    assert only(notes(put(honest(), "code", codes), inputs=("age", "code")), "leak").column == "code"


def test_a_number_whose_classes_lie_apart_is_a_suspected_leak() -> None:
    random = np.random.default_rng(7)
    paid = [
        random.uniform(50, 90) if label == "yes" else random.uniform(1, 49) for label in honest()["label"].to_pylist()
    ]
    assert only(notes(put(honest(), "paid", paid), inputs=("age", "paid")), "leak").column == "paid"


def test_a_number_that_is_the_amount_in_another_unit_is_a_suspected_leak() -> None:
    amount = np.random.default_rng(9).normal(100, 20, ROWS)
    table = put(put(honest(), "label", amount), "cents", amount * 100)
    assert only(notes(table, inputs=("age", "cents"), task="regression"), "leak").column == "cents"


def test_a_column_with_one_exception_is_no_leak() -> None:
    codes = [{"yes": 1, "no": 2}[label] for label in labels()]
    codes[500] = 3 - codes[500]
    assert notes(put(honest(), "code", codes), inputs=("age", "code")) == ()


def test_values_that_the_model_does_not_know_are_shown_with_their_rows() -> None:
    sex = ["male", "male", "?", *honest()["sex"].to_pylist()[3:]]
    note = only(notes(put(honest(), "sex", sex), vocabularies={"sex": {"Female", "Male"}}), "unknown_values")
    assert "3 rows have a sex that the model was not trained on (0.3%): 'male', '?'" in note.text


def test_values_that_the_training_set_does_not_have_are_shown() -> None:
    sex = ["?", *honest()["sex"].to_pylist()[1:]]
    note = only(notes(put(honest(), "sex", sex), train=honest(seed=8)), "unknown_values")
    assert "1 row has a sex that the training set does not have" in note.text


def test_rows_without_a_group_are_called_missing() -> None:
    rows = honest()
    race = ["" if row < 3 else None if row < 5 else "one" for row in range(rows.num_rows)]
    assert "(missing) (5)" in only(notes(put(rows, "race", race), groups=["race"]), "tiny_group").text


def test_groups_of_few_rows_are_named_smallest_first() -> None:
    race = ["x"] * 3 + ["y"] * 20 + ["z"] * (ROWS - 23)
    note = only(notes(put(honest(), "race", race), groups=["race", "age:0"]), "tiny_group")
    assert "x (3), y (20)" in note.text


def test_the_gravest_comes_first() -> None:
    table = put(put(honest(), "hours", [40] * ROWS), "label", [None, *honest()["label"].to_pylist()[1:]])
    kinds = [note.kind for note in notes(pa.concat_tables([table, table.slice(0, 5)]))]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert set(kinds) == {"unlabelled", "duplicates", "constant"}


def test_a_table_without_rows_says_nothing() -> None:
    assert notes(honest(0), train=honest(0)) == ()


def test_how_the_rows_are_cut_changes_nothing() -> None:
    table = put(honest(), "id", list(range(ROWS)))
    table = pa.concat_tables([table, table.slice(0, 40)])
    inputs = ("age", "id", "sex")
    assert notes(table, inputs=inputs, chunk=7) == notes(table, inputs=inputs, chunk=5000)
