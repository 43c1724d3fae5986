"""The example's Spark step on the example's own format."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seatrial.prepare.failure import spark_cause
from seatrial.stores.obstore_objects import open_objects

from .lake import PYSPARK_LEAKS, Lake

pytestmark = [
    pytest.mark.filterwarnings(PYSPARK_LEAKS),
    pytest.mark.parametrize("lake", ["seaweed-sqlite"], indirect=True),  # nothing here depends on the store
]

FEATURES = Path(__file__).parents[3] / "examples" / "census" / "features.py"
PEOPLE = 600


@pytest.fixture(scope="module")
def census() -> ModuleType:
    spec = importlib.util.spec_from_file_location("census_features", FEATURES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line(person: int, *, weight: int, label: str) -> str:
    job = "?" if person % 10 == 0 else "Private"
    return (
        f"{17 + person % 70}, {job}, {weight}, HS-grad, {person % 16}, Divorced, Sales, Husband, White, "
        f"{'Male' if person % 3 else 'Female'}, {person}, 0, 40, United-States, {label}"
    )


@pytest.fixture(scope="module")
def raw(lake: Lake) -> str:
    """Everyone in the first file, every second person again in the other: other weight and label; and one twice."""
    first = [line(person, weight=1, label="<=50K") for person in range(PEOPLE)]
    again = [line(person, weight=2, label=">50K.") for person in range(0, PEOPLE, 2)]
    objects = open_objects(lake.store)
    objects.put("raw/census/adult.data.csv", "\n".join([*first, "", ""]).encode())
    objects.put("raw/census/adult.test.csv", "\n".join(["|1x3 Cross validator", *again, again[0], ""]).encode())
    return f"{lake.store.url}/raw/census/*.csv".replace("s3:", "s3a:")


@pytest.fixture(scope="module")
def made(lake: Lake, census: ModuleType, raw: str) -> Iterator[dict[str, Any]]:
    returned = census.features(lake.spark, raw)
    yield {name: one.toArrow() if hasattr(one, "toArrow") else one for name, one in returned.items()}
    lake.spark.catalog.clearCache()


def people(made: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(split, row) for split in ("train", "validation", "calibration", "test") for row in made[split].to_pylist()]


def test_every_row_is_in_exactly_one_split_with_an_id_of_its_own(made: dict[str, Any]) -> None:
    identifiers = [row["row_id"] for _, row in people(made)]
    assert len(identifiers) == len(set(identifiers)) == PEOPLE + PEOPLE // 2 + 1


def test_no_person_is_on_two_sides(made: dict[str, Any], census: ModuleType) -> None:
    sides: dict[tuple[Any, ...], set[str]] = {}
    for split, row in people(made):
        sides.setdefault(tuple(row[name] for name in census.FEATURES), set()).add(split)
    assert len(sides) == PEOPLE
    assert {len(found) for found in sides.values()} == {1}


def test_half_of_the_people_train_and_a_quarter_tests(made: dict[str, Any]) -> None:
    rows = len(people(made))
    shares = {split: made[split].num_rows / rows for split in ("train", "validation", "calibration", "test")}
    assert shares == pytest.approx({"train": 0.5, "validation": 0.15, "calibration": 0.1, "test": 0.25}, abs=0.07)


def test_labels_and_missing_values_are_cleaned(made: dict[str, Any]) -> None:
    assert {row["income"] for _, row in people(made)} == {"<=50K", ">50K"}
    assert {row["workclass"] for _, row in people(made)} == {None, "Private"}


def test_age_bands_close_where_they_say(made: dict[str, Any]) -> None:
    bands = {row["age"]: row["age_band"] for _, row in people(made)}
    assert [bands[age] for age in (24, 25, 44, 45, 64, 65)] == [
        "under 25",
        "25-44",
        "25-44",
        "45-64",
        "45-64",
        "65 and over",
    ]


def test_the_population_weight_is_not_kept(made: dict[str, Any]) -> None:
    assert "fnlwgt" not in made["test"].column_names


def test_the_codec_knows_what_train_knows(made: dict[str, Any]) -> None:
    ages = made["train"]["age"].to_numpy()
    assert made["codec"].numbers[0].mean == pytest.approx(ages.mean(), rel=1e-12)


def test_the_same_rows_give_the_same_tables(lake: Lake, census: ModuleType, raw: str, made: dict[str, Any]) -> None:
    again = census.features(lake.spark, raw)
    assert again["codec"] == made["codec"]
    assert again["test"].toArrow() == made["test"]


def test_another_seed_splits_otherwise(lake: Lake, census: ModuleType, raw: str, made: dict[str, Any]) -> None:
    other = census.features(lake.spark, raw, seed=8)["test"].toArrow()
    assert set(other["row_id"].to_pylist()) != set(made["test"]["row_id"].to_pylist())


@pytest.mark.parametrize(
    ("bad", "cause"),
    [("39, Private, 1, HS-grad\n", "MALFORMED|alformed"), (line(1, weight=1, label="rich") + "\n", "no such income")],
)
def test_a_row_that_does_not_fit_is_an_error_not_a_null(lake: Lake, census: ModuleType, bad: str, cause: str) -> None:
    open_objects(lake.store).put("bad/adult.csv", bad.encode())
    with pytest.raises(Exception) as raised:  # noqa: PT011 pyspark's own classes; the cause is what is tested
        census.read_people(lake.spark, f"{lake.store.url}/bad/*.csv").collect()
    assert re.search(cause, spark_cause(raised.value, log=lake.log).problem)
