"""What using the same test data again costs: the error budget of a policy, spent use by use."""

from __future__ import annotations

# Use k leaves α / (k (k + 1)) for errors: beyond this many that is below 1e-9, where a float's 1 − it says nothing.
MOST_USES = 10_000


def confidence_for_use(confidence: float, use: int) -> float:
    """The confidence at which use k = 1, 2, … is measured and judged: 1 − α / (k (k + 1)).

    The errors sum to α however often it goes on (1/(k(k+1)) telescopes), so false passes stay below α in all, as long
    as each new model depends on earlier uses only through "it did not pass".

    >>> round(confidence_for_use(0.95, 1), 6), round(confidence_for_use(0.95, 2), 6)
    (0.975, 0.991667)
    """
    if not 1 <= use <= MOST_USES:
        raise ValueError(f"use must be between 1 and {MOST_USES}, got {use}")
    return 1 - (1 - confidence) / (use * (use + 1))
