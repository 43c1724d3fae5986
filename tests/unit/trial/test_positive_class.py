"""Of two classes the positive one is what their names tell, and nothing where they tell nothing."""

from __future__ import annotations

import pytest

from seatrial.trial.positive_class import known_positive


@pytest.mark.parametrize("turned", [False, True], ids=["as written", "turned"])
@pytest.mark.parametrize(
    ("negative", "positive"),
    [
        ("no", "yes"),
        ("Nein", "Ja"),
        ("non", "oui"),
        ("No", "Sí"),
        ("нет", "да"),
        ("FALSE", "TRUE"),
        ("-1", "1"),
        ("0.0", "1.0"),
        ("<=50K", ">50K"),
        ("< 30 days", ">= 30 days"),
        ("paid", "default"),
        ("no churn", "churn"),
        ("non-smoker", "smoker"),
        ("Not  late", "late"),
        (" ham ", "spam"),
    ],
)
def test_names_that_tell(negative: str, positive: str, *, turned: bool) -> None:
    assert known_positive([positive, negative] if turned else [negative, positive]) == positive


@pytest.mark.parametrize(
    "classes",
    [
        ("bad", "good"),  # of loans the bad one is the event, of reviews the good one
        ("1", "2"),  # in the German credit data 2 is the bad one
        ("male", "female"),
        ("up to 50k", "over 50k"),
        ("fraud", "spam"),
        ("yes", "yes"),
        ("yes",),
        ("no", "yes", "maybe"),
        (),
    ],
)
def test_names_that_tell_nothing(classes: tuple[str, ...]) -> None:
    assert known_positive(classes) is None
