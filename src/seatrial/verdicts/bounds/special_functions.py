"""The incomplete beta function and its inverse on arrays: what the exact intervals need of SciPy, which is 145 MB."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Bernoulli-number coefficients of Stirling's series for log Γ (DLMF 5.11.1): B_2k / (2k (2k − 1)).
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_STIRLING_FROM = 10  # from here on the seven terms leave less than 1e-15
_TINY = 1e-300
_CONVERGED = 1e-15
_SETTLED = 1e-12  # Newton doubles the digits: the step that moves by this has already arrived
_MOST_TERMS = 100_000  # about √(a b) are needed at worst: enough for counts far beyond 10⁹
_MOST_STEPS = 200
_MOST_EXPONENT = 700.0  # of a float
_FEW = 16  # numbers that are quicker one by one than as an array


def beta_cdf(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Floats:
    """The regularised incomplete beta function I_x(a, b); a, b > 0, 0 ≤ x ≤ 1, broadcast.

    Continued fraction of DLMF 8.17.22 by the modified Lentz method, on the side where it converges fast.
    """
    a, b, x = (np.asarray(item, dtype=np.float64) for item in (a, b, x))
    a, b, x = np.broadcast_arrays(a, b, x)
    if x.size <= _FEW:
        return _each(beta_cdf_of_one, a, b, x)
    flip = x > (a + 1) / (a + b + 2)
    p, q, y = np.where(flip, b, a), np.where(flip, a, b), np.where(flip, 1 - x, x)
    inside = (y > 0) & (y < 1)
    safe = np.where(inside, y, 0.5)
    tail = np.where(inside, beta_density_times_x(p, q, safe) / p * _fraction(p, q, safe), np.where(y <= 0, 0.0, 1.0))
    return np.where(flip, 1 - tail, tail)


def beta_quantile(a: ArrayLike, b: ArrayLike, p: ArrayLike) -> Floats:
    """The x with I_x(a, b) = p, by Newton steps kept inside a shrinking bracket; a, b > 0, 0 ≤ p ≤ 1, broadcast."""
    a, b, p = (np.asarray(item, dtype=np.float64) for item in (a, b, p))
    a, b, p = np.broadcast_arrays(a, b, p)
    if p.size <= _FEW:
        return _each(beta_quantile_of_one, a, b, p)
    shape = a.shape
    a, b, p = a.ravel(), b.ravel(), p.ravel()
    quantile = _guess(a, b, p)
    low, high = np.zeros(a.shape), np.ones(a.shape)
    open_ = np.flatnonzero((p > 0) & (p < 1))
    for _ in range(_MOST_STEPS):
        if open_.size == 0:
            break
        i, j, x = a[open_], b[open_], quantile[open_]
        miss = beta_cdf(i, j, x) - p[open_]
        low[open_], high[open_] = np.where(miss < 0, x, low[open_]), np.where(miss < 0, high[open_], x)
        with np.errstate(all="ignore"):  # far out the density is 0: the bracket's middle is taken instead
            following = x - miss * x * (1 - x) / beta_density_times_x(i, j, x)
        inside = (following > low[open_]) & (following < high[open_])
        following = np.where(inside, following, (low[open_] + high[open_]) / 2)
        quantile[open_] = following
        open_ = open_[np.abs(following - x) > _SETTLED * x]
    return np.where(p <= 0, 0.0, np.where(p >= 1, 1.0, quantile)).reshape(shape)


def _each(function: Callable[[float, float, float], float], a: Floats, b: Floats, x: Floats) -> Floats:
    """The function of each triple of numbers, without arrays: a trial waits for hundreds of bounds, one at a time."""
    values = [
        function(*triple) for triple in zip(a.ravel().tolist(), b.ravel().tolist(), x.ravel().tolist(), strict=True)
    ]
    return np.array(values, dtype=np.float64).reshape(x.shape)


def _guess(a: Floats, b: Floats, p: Floats) -> Floats:
    """A start for the quantile: Abramowitz & Stegun 26.5.22 with the normal quantile of 26.2.23; else the mean."""
    tail = np.clip(np.minimum(p, 1 - p), _TINY, None)
    t = np.sqrt(-2 * np.log(tail))
    y = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    y = np.where(p < 0.5, y, -y)
    with np.errstate(all="ignore"):  # below 1, where the formula does not hold, the mean is taken
        over_a, over_b, shape = 1 / (2 * a - 1), 1 / (2 * b - 1), (y**2 - 3) / 6
        h = 2 / (over_a + over_b)
        w = y * np.sqrt(h + shape) / h - (over_b - over_a) * (shape + 5 / 6 - 2 / (3 * h))
        start = a / (a + b * np.exp(2 * w))
    return np.where((a >= 1) & (b >= 1) & (start > 0) & (start < 1), start, a / (a + b))


def student_quantile(p: float, degrees: float) -> float:
    """The quantile of Student's t at p ≥ 0.5, through the beta quantile (DLMF 8.17; t² = ν (1 − x) / x)."""
    x = float(beta_quantile(degrees / 2, 0.5, 2 * (1 - p)))
    return float(np.sqrt(degrees * (1 - x) / x))


def beta_density_times_x(a: Floats, b: Floats, x: Floats) -> Floats:
    """x^a (1 − x)^b / B(a, b), by the saddle-point form (Loader 2000), which keeps its digits for large a and b."""
    total = a + b
    lead = total * x - a
    with np.errstate(divide="ignore"):
        deviance = a * np.log1p(lead / a) + b * np.log1p(-lead / b)
    stirling = _stirling_error(total) - _stirling_error(a) - _stirling_error(b)
    density: Floats = np.sqrt(a * b / (2 * np.pi * total)) * np.exp(deviance + stirling)
    return density


def _stirling_error(value: Floats) -> Floats:
    """Log Γ(v) minus Stirling's (v − ½) log v − v + ½ log 2π."""
    if value.size == 1:
        return np.full(value.shape, stirling_error_of_one(float(value.item())))
    shifted, error = value.copy(), np.zeros(value.shape)
    for _ in range(_STIRLING_FROM):
        small = shifted < _STIRLING_FROM
        error += np.where(small, (shifted + 0.5) * np.log1p(1 / shifted) - 1, 0.0)
        shifted = np.where(small, shifted + 1, shifted)
    series = np.zeros(value.shape)
    for coefficient in reversed(_STIRLING):
        series = series / shifted**2 + coefficient
    return error + series / shifted


def _fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    """The continued fraction of DLMF 8.17.22, without its leading factor."""
    c, settled = np.ones(x.shape), np.zeros(x.shape, dtype=bool)
    d = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d.copy()
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _away_from_zero(1 + even * d)
        c = _away_from_zero(1 + even / c)
        value = value * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _away_from_zero(1 + odd * d)
        c = _away_from_zero(1 + odd / c)
        step = d * c
        value = value * step
        settled |= np.abs(step - 1) < _CONVERGED  # once: a later step may be a last digit further off, for ever
        if settled.all():
            break
    return value


def _away_from_zero(value: Floats) -> Floats:
    return np.where(np.abs(value) < _TINY, _TINY, value)


# The same of one number at a time, by the same series and steps. A call of NumPy costs a microsecond whatever its size,
# and one quantile needs some five hundred: without arrays a Clopper-Pearson interval takes a tenth of the time.


def beta_cdf_of_one(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    flip = x > (a + 1) / (a + b + 2)
    p, q, y = (b, a, 1 - x) if flip else (a, b, x)
    tail = (0.0 if y <= 0 else 1.0) if not 0 < y < 1 else _density_of_one(p, q, y) / p * _fraction_of_one(p, q, y)
    return 1 - tail if flip else tail


def beta_quantile_of_one(a: float, b: float, p: float) -> float:
    """The x with I_x(a, b) = p, by Newton steps kept inside a shrinking bracket."""
    if p <= 0 or p >= 1:
        return 0.0 if p <= 0 else 1.0
    x, low, high = _guess_of_one(a, b, p), 0.0, 1.0
    for _ in range(_MOST_STEPS):
        miss = beta_cdf_of_one(a, b, x) - p
        low, high = (x, high) if miss < 0 else (low, x)
        density = _density_of_one(a, b, x)
        following = x - miss * x * (1 - x) / density if density > 0 else low  # far out: the bracket's middle
        if not low < following < high:
            following = (low + high) / 2
        settled, x = abs(following - x) <= _SETTLED * x, following
        if settled:
            break
    return x


def stirling_error_of_one(value: float) -> float:
    """Log Γ(v) minus Stirling's (v − ½) log v − v + ½ log 2π."""
    error = 0.0
    while value < _STIRLING_FROM:
        error += (value + 0.5) * math.log1p(1 / value) - 1
        value += 1
    series = 0.0
    for coefficient in reversed(_STIRLING):
        series = series / (value * value) + coefficient
    return error + series / value


def _density_of_one(a: float, b: float, x: float) -> float:
    """x^a (1 − x)^b / B(a, b), by the saddle-point form (Loader 2000)."""
    total = a + b
    lead = total * x - a
    if lead <= -a or lead >= b:  # so near 0 or 1 that nothing is left
        return 0.0
    deviance = a * math.log1p(lead / a) + b * math.log1p(-lead / b)
    stirling = stirling_error_of_one(total) - stirling_error_of_one(a) - stirling_error_of_one(b)
    return math.sqrt(a * b / (2 * math.pi * total)) * math.exp(deviance + stirling)


def _guess_of_one(a: float, b: float, p: float) -> float:
    """A start for the quantile: Abramowitz & Stegun 26.5.22 with the normal quantile of 26.2.23; else the mean."""
    if a < 1 or b < 1:  # where the formula does not hold
        return a / (a + b)
    t = math.sqrt(-2 * math.log(max(min(p, 1 - p), _TINY)))
    y = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    y = y if p < 0.5 else -y
    over_a, over_b, shape = 1 / (2 * a - 1), 1 / (2 * b - 1), (y * y - 3) / 6
    h = 2 / (over_a + over_b)
    if h + shape < 0:
        return a / (a + b)
    exponent = 2 * (y * math.sqrt(h + shape) / h - (over_b - over_a) * (shape + 5 / 6 - 2 / (3 * h)))
    start = a / (a + b * math.exp(exponent)) if exponent < _MOST_EXPONENT else 0.0
    return start if 0 < start < 1 else a / (a + b)


def _fraction_of_one(a: float, b: float, x: float) -> float:
    """The continued fraction of DLMF 8.17.22, without its leading factor, by the modified Lentz method."""
    c, d = 1.0, 1 / _one_away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _one_away_from_zero(1 + even * d)
        c = _one_away_from_zero(1 + even / c)
        value = value * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _one_away_from_zero(1 + odd * d)
        c = _one_away_from_zero(1 + odd / c)
        step = d * c
        value = value * step
        if abs(step - 1) < _CONVERGED:
            break
    return value


def _one_away_from_zero(value: float) -> float:
    return _TINY if abs(value) < _TINY else value
