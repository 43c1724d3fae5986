"""What must not matter to a measurement: the order of rows, the names of groups, and which columns ride along."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.assessors.answers.model_answers import ClassAnswers
from seatrial.assessors.assessor import Subject
from seatrial.assessors.classification import confusion
from seatrial.assessors.contingency.group_specs import MISSING
from seatrial.assessors.contingency.grouping import Grouping, count, grouping
from seatrial.verdicts.evidence import Claim, Evidence, Family

CLASSES = ("a", "b", "c")
values = st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["a", "b", "ä", MISSING, ""]))
rows = st.lists(st.tuples(values, st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)
with_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def made(people: list[tuple[str | None, int, int]], subject: Callable[..., Subject]) -> tuple[Grouping, ClassAnswers]:
    table = pa.table({"group": pa.array([row[0] for row in people], pa.string())})
    found = grouping(subject(table), "group")
    assert isinstance(found, Grouping)
    actual, answered = (np.array([row[place] for row in people], dtype=np.int64) for place in (1, 2))
    return found, ClassAnswers(CLASSES, actual, answered, probabilities=None)


@with_fixtures
@given(people=rows)
def test_every_row_is_counted_in_the_cells_of_its_group_and_classes(
    people: list[tuple[str | None, int, int]], subject: Callable[..., Subject]
) -> None:
    groups, answers = made(people, subject)
    cells = count(answers, groups)
    for index, name in enumerate(groups.names):
        here = [(actual, answered) for group, actual, answered in people if (group or MISSING) == name]
        assert cells.rows[index] == len(here)
        for code in range(len(CLASSES)):
            assert cells.actual[index, code] == sum(actual == code for actual, _ in here)
            assert cells.answered[index, code] == sum(answered == code for _, answered in here)
            assert cells.right[index, code] == here.count((code, code))


@pytest.mark.simulation
@with_fixtures
@given(people=rows, seed=st.integers(0, 2**31))
def test_the_order_of_rows_does_not_matter_to_the_counts(
    people: list[tuple[str | None, int, int]], seed: int, subject: Callable[..., Subject]
) -> None:
    groups, answers = made(people, subject)
    order = np.random.default_rng(seed).permutation(len(people))
    turned_groups, turned = made([people[index] for index in order], subject)
    assert turned_groups.names == groups.names
    one, two = count(answers, groups), count(turned, turned_groups)
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("actual", "answered", "right"))


@with_fixtures
@given(people=rows, seed=st.integers(0, 2**31))
def test_the_rows_of_the_groups_are_all_rows_once_in_the_order_given(
    people: list[tuple[str | None, int, int]], seed: int, subject: Callable[..., Subject]
) -> None:
    groups, _ = made(people, subject)
    order = np.random.default_rng(seed).permutation(len(people))
    for index, found in enumerate(groups.rows_along(order)):
        assert found.tolist() == [row for row in order if groups.codes[row] == index]


@settings(parent=with_fixtures, max_examples=10)
@given(names=st.lists(st.text("abcxyzäß", min_size=1, max_size=3), min_size=2, max_size=2, unique=True))
def test_other_names_for_groups_change_names_and_signs_only(
    names: list[str], people: Callable[..., pa.Table], subject: Callable[..., Subject]
) -> None:
    table = people(200, 9)
    renamed = dict(zip(("Female", "Male"), names, strict=True))
    sex = pa.array([renamed[str(name)] for name in table.column("sex").to_pylist()], pa.string())
    other = table.set_column(table.column_names.index("sex"), "sex", sex)

    def gap(table: pa.Table, first: str, second: str) -> tuple[float, float, float]:
        claim = Claim("selection_rate", Family.PAIRS, "sex")
        found = confusion.assess(subject(table), [claim], confidence=0.9, seed=7, budget_s=60)
        item = next(item for item in found if isinstance(item, Evidence) and item.claim == claim)
        if item.slice == f"sex: {first} − {second}":
            return item.estimate, item.low, item.high
        assert item.slice == f"sex: {second} − {first}"
        return -item.estimate, -item.high, -item.low

    before, after = gap(table, "Female", "Male"), gap(other, *names)
    assert np.allclose(before, after, rtol=0, atol=1e-12)


def test_null_nan_and_the_empty_text_are_one_group_of_their_own(subject: Callable[..., Subject]) -> None:
    text = grouping(subject(pa.table({"group": pa.array(["b", None, "", "a"])})), "group")
    number = grouping(subject(pa.table({"group": pa.array([1.0, None, float("nan"), 0.0])})), "group")
    assert isinstance(text, Grouping)
    assert isinstance(number, Grouping)
    assert (text.names, text.codes.tolist()) == (("a", "b", MISSING), [1, 2, 2, 0])
    assert (number.names, number.codes.tolist()) == (("0", "1", MISSING), [1, 2, 2, 0])


def test_a_dictionary_encoded_column_has_the_groups_of_its_values(subject: Callable[..., Subject]) -> None:
    column = pa.array(["b", None, "a"]).dictionary_encode()
    found = grouping(subject(pa.table({"group": column})), "group")
    assert isinstance(found, Grouping)
    assert found.names == ("a", "b", MISSING)


def test_the_pairs_are_all_pairs(people: Callable[..., pa.Table], subject: Callable[..., Subject]) -> None:
    claim = Claim("selection_rate", Family.PAIRS, "race")
    found = confusion.assess(subject(people(300, 3)), [claim], confidence=0.9, seed=7, budget_s=60)
    names = ["Asian", "Black", "Other", "White"]
    expected = [f"race: {first} − {second}" for first, second in combinations(names, 2)]
    assert [item.slice for item in found if item.claim == claim] == expected
