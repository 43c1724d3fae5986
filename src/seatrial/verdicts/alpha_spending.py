"""What using the same test data again costs: the error budget of a policy, spent use by use."""

from __future__ import annotations


def confidence_for_use(confidence: float, use: int) -> float:
    """The confidence at which use k = 1, 2, … is measured and judged: 1 − α / (k (k + 1)).

    The errors sum to α however often it goes on (1/(k(k+1)) telescopes), so false passes stay below α in all, as long
    as each new model depends on earlier uses only through "it did not pass".

    >>> round(confidence_for_use(0.95, 1), 6), round(confidence_for_use(0.95, 2), 6)
    (0.975, 0.991667)
    """
    if use < 1:
        raise ValueError(f"use {use}: uses are counted from 1")
    return 1 - (1 - confidence) / (use * (use + 1))
