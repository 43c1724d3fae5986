from collections.abc import Callable

import pytest
from scipy.stats import binom

IMPROBABLE = 1e-3


def _assert_covers(hits: int, trials: int, nominal: float) -> None:
    """Fails when so few hits would be this improbable if the coverage were nominal."""
    probability = float(binom.cdf(hits, trials, nominal))
    assert probability > IMPROBABLE, f"covered {hits} of {trials} = {hits / trials:.4f}, nominal {nominal}"


@pytest.fixture
def assert_covers() -> Callable[[int, int, float], None]:
    return _assert_covers
