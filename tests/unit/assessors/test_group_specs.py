"""Groups as people write them: by value, by bins, by several columns at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import MISSING, GroupSpec, Part, parse_groups, texts, with_groups
from seatrial.assessors.contingency.grouping import Grouping, grouping
from seatrial.errors import InputError, Problems

PEOPLE = pa.table(
    {
        "sex": ["Male", "Female", None, "Female", ""],
        "race": ["Black", "White", "White", "Black", "Black"],
        "age": pa.array([17, 18, 24, 65, None], pa.int64()),
        "hours": [0.5, 1.0, float("nan"), 40.0, 39.99],
    }
)


class Silent:
    """A model that these tests never ask."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


def groups_of(spec: str, table: pa.Table = PEOPLE) -> list[str | None]:
    (parsed,) = parse_groups([spec])
    found: list[str | None] = with_groups(table, [parsed]).column(parsed.column).to_pylist()
    return found


def measured(spec: str, table: pa.Table = PEOPLE) -> Grouping:
    (parsed,) = parse_groups([spec])
    subject = Subject(
        predictor=Silent(),  # type: ignore[arg-type]  # never asked
        tables={"test": with_groups(table, [parsed])},
        label="race",
        task="binary",
    )
    found = grouping(subject, parsed.name)
    assert isinstance(found, Grouping)
    return found


def test_a_plain_column_is_its_own_grouping() -> None:
    assert parse_groups(["sex"]) == (GroupSpec((Part("sex"),)),)
    (spec,) = parse_groups(["sex"])
    assert (spec.name, spec.column, spec.sources) == ("sex", "sex", ("sex",))
    assert with_groups(PEOPLE, [spec]) is PEOPLE


def test_zero_is_one_group_whatever_its_sign() -> None:
    assert texts(pa.chunked_array([[0.0, -0.0, -1.0]])).to_pylist() == ["0", "0", "-1"]


def test_bins_of_whole_numbers_are_named_by_the_last_number_in_them() -> None:
    assert groups_of("age:18,25,45,65") == ["under 18", "18 to 24", "18 to 24", "65 and over", MISSING]


def test_bins_of_fractions_are_half_open_and_say_so() -> None:
    assert groups_of("hours:1,40") == ["under 1", "1 to under 40", MISSING, "40 and over", "1 to under 40"]


def test_a_bin_of_one_whole_number_is_named_by_it() -> None:
    assert groups_of("age:17,18") == ["17", "18 and over", "18 and over", "18 and over", MISSING]


def test_several_columns_make_a_group_of_each_combination_that_occurs() -> None:
    expected = ["Male × Black", "Female × White", "(missing) × White", "Female × Black", "(missing) × Black"]
    assert groups_of("sex*race") == expected


def test_bins_and_values_cross() -> None:
    assert groups_of("sex*age:30") == [
        "Male × under 30",
        "Female × under 30",
        "(missing) × under 30",
        "Female × 30 and over",
        "(missing) × (missing)",
    ]


def test_a_policy_names_a_binned_column_by_the_column_which_stays_what_the_model_takes() -> None:
    (spec,) = parse_groups(["age:18,65"])
    table = with_groups(PEOPLE, [spec])
    assert spec.name == "age"
    assert table.column("age") == PEOPLE.column("age")
    assert measured("age:18,65").names == ("under 18", "18 to 64", "65 and over", MISSING)


def test_groups_keep_the_order_of_their_bins_and_those_of_values_are_sorted() -> None:
    assert measured("age:18,25,65").names == ("under 18", "18 to 24", "65 and over", MISSING)
    assert measured("sex").names == ("Female", "Male", MISSING)
    assert measured("sex*race").names == (
        "Female × Black",
        "Female × White",
        "Male × Black",
        "(missing) × Black",
        "(missing) × White",
    )


def test_a_group_that_only_another_table_has_is_kept_in_order() -> None:
    (spec,) = parse_groups(["age:18,25,65"])
    tables = {"test": with_groups(PEOPLE.slice(3), [spec]), "validation": with_groups(PEOPLE, [spec])}
    subject = Subject(predictor=Silent(), tables=tables, label="race", task="binary")  # type: ignore[arg-type]
    found = grouping(subject, "age")
    assert isinstance(found, Grouping)
    assert set(found.names) == {"under 18", "18 to 24", "65 and over", MISSING}
    assert [found.names[code] for code in found.codes] == ["65 and over", MISSING]


@given(
    ages=st.lists(st.one_of(st.none(), st.integers(-5, 120)), min_size=1, max_size=30),
    edges=st.lists(st.integers(0, 100), min_size=1, max_size=5, unique=True).map(sorted),
)
def test_every_row_is_in_the_bin_that_holds_its_value(ages: list[int | None], edges: list[int]) -> None:
    table = pa.table({"age": pa.array(ages, pa.int64())})
    written = "age:" + ",".join(map(str, edges))
    limits = [-np.inf, *edges, np.inf]
    order = list(dict.fromkeys(measured(written, table).names))
    for age, name in zip(ages, groups_of(written, table), strict=True):
        assert name in order
        if age is None:
            assert name == MISSING
            continue
        place = int(np.searchsorted(edges, age, side="right"))
        start, end = limits[place], limits[place + 1]
        numbers = [float(word) for word in str(name).split() if word.lstrip("-").isdigit()]
        assert numbers == [
            each for each in dict.fromkeys([start, end - 1 if np.isfinite(start) else end]) if np.isfinite(each)
        ]


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(Problems) as caught:
        parse_groups(["age:45,18", "*sex", "race*race", "age:young", "sex", "sex"])
    told = str(caught.value)
    for part in (
        "edges of bins must be finite and rise",
        "column's name is missing",
        '"race" is crossed with itself',
        '"young" is not a list of numbers',
        'two groupings are called "sex"',
    ):
        assert part in told


def test_one_column_in_bins_and_by_value_would_have_one_name_and_is_refused() -> None:
    with pytest.raises(InputError, match='two groupings are called "age"'):
        parse_groups(["age", "age:18"])


def test_columns_that_a_table_lacks_or_that_hold_no_numbers_are_named_at_once() -> None:
    with pytest.raises(Problems) as caught:
        with_groups(PEOPLE, parse_groups(["sexx", "sex:18"]))
    told = str(caught.value)
    assert 'not have a column "sexx". Did you mean "sex"?' in told
    assert 'Column "sex" is string, and bins need numbers' in told


def test_crossing_a_column_with_a_value_a_row_is_refused_before_a_name_is_made() -> None:
    table = PEOPLE.slice(0, 1).append_column("id", pa.array([0]))
    table = pa.concat_tables([table] * 60).set_column(4, "id", pa.array(range(60)))
    with pytest.raises(InputError, match='Column "id" has 60 values, more than 50'):
        with_groups(table, parse_groups(["sex*id"]))


def test_a_column_whose_name_holds_a_sign_is_that_column() -> None:
    (spec,) = parse_groups(["a*b"], columns=["a*b", "c"])
    assert spec.sources == ("a*b",)


def test_groups_are_added_again_without_a_second_column() -> None:
    specs = parse_groups(["age:18"])
    once = with_groups(PEOPLE, specs)
    assert with_groups(once, specs).column_names == once.column_names
