"""Numbers and metrics as people read them, the same on the page and in the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.metrics import METRICS, Scope

_NOTHING = 1e-9  # what rounding leaves of a zero
_PLANNED_DIGITS = 2
_THIN = "\N{NARROW NO-BREAK SPACE}"
_DIGITS = 3  # decimals: fractions to a tenth of a percent
_FAMILIES = {Family.GROUPS: "for each", Family.PAIRS: "gap by", Family.RATIOS: "ratio by"}
_REFERENCES = {"baseline": "the baseline", "newest_passed": "the newest release that passed"}


def metric_title(metric: str) -> str:
    """The metric's name in words."""
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ").capitalize()


def metric_meaning(metric: str) -> str:
    """What the metric says, or nothing for one that has no description."""
    return METRICS[metric].description if metric in METRICS else ""


def claim_title(claim: Claim) -> str:
    """What a claim is about, in words."""
    title = (
        metric_title(claim.metric) if claim.of_class is None else f"{metric_title(claim.metric)} of {claim.of_class}"
    )
    if claim.threat is not None:
        title = f"{title} under {claim.threat}"
    if claim.family is not Family.ALL:
        title = f"{title} {_FAMILIES[claim.family]} {claim.column}"
    return title if claim.against is None else f"{title}, against {reference_title(claim.against)}"


def reference_title(name: str) -> str:
    """The model that is compared with, in words."""
    return _REFERENCES.get(name, name)


def is_signed(claim: Claim) -> bool:
    """Whether the quantity is a difference: it is shown with its sign, and 0 is where nothing differs."""
    return claim.family is Family.PAIRS or claim.against is not None


def slice_label(claim: Claim, name: str) -> str:
    """The slice without the column's name in front, which the heading already says."""
    if claim.family is Family.ALL and name == "all":
        return "overall"
    for lead in (f"{claim.column}=", f"{claim.column}: "):
        if claim.column is not None and name.startswith(lead):
            return name[len(lead) :]
    return name


def number(value: float, *, signed: bool = False, digits: int | None = None) -> str:
    """A value with `digits` decimals, thin spaces between thousands and a true minus; `signed` also shows the plus.

    Without `digits` three, fewer for numbers from 10 on: an error in the label's unit has no use for them all.
    """
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if math.isnan(value):
        return "–"
    if digits is None:
        digits = _DIGITS - int(math.log10(abs(value))) if abs(value) >= 1 else _DIGITS
    text = f"{value:{'+' if signed else ''},.{max(0, digits)}f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", "−").replace(",", _THIN)


@dataclass(frozen=True, slots=True)
class Numbers:
    """An estimate and its bounds, with as many decimals each; of a number of the measured rows alone, no bounds."""

    estimate: str
    low: str = ""
    high: str = ""

    @property
    def bounds(self) -> str:
        """Both bounds."""
        return f"{self.low} to {self.high}" if self.low else "no bound"


def numbers(result: Evidence | NotMeasured) -> Numbers:
    """What was measured as people read it: fractions to three decimals, errors in the label's unit to four digits."""
    signed = is_signed(result.claim)
    if isinstance(result, NotMeasured):
        values: tuple[float, ...] = () if result.estimate is None else (result.estimate,)
    else:
        values = (result.estimate, result.low, result.high)
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    digits = _DIGITS
    if largest >= 1 or (largest > 0 and in_units(result.claim.metric)):
        digits = _DIGITS - math.floor(math.log10(largest))
    return Numbers(*(number(value, signed=signed, digits=digits) for value in values))


def in_units(metric: str) -> bool:
    """Whether the metric is in the unit of the label, and so of any size."""
    return metric in METRICS and METRICS[metric].scope is Scope.VALUES and math.isinf(METRICS[metric].high)


def bound(value: float) -> str:
    """A threshold as the policy states it, without trailing zeros."""
    return f"{value + 0.0:.6g}".replace("-", "−")


def ticks_text(values: Sequence[float]) -> tuple[str, ...]:
    """Axis labels, all with as many decimals as the one that needs most."""
    plain = [f"{value:.6f}".rstrip("0") for value in values]
    decimals = max((len(text.partition(".")[2]) for text in plain), default=0)
    return tuple("0" if abs(value) < _NOTHING else number(value, digits=decimals) for value in values)


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", _THIN)


def about(value: int) -> str:
    """A planned number, rounded up to two digits: more would promise what nobody knows."""
    step = 10 ** max(0, len(str(value)) - _PLANNED_DIGITS)
    return count(-(-value // step) * step)


def confidence_percent(value: float) -> str:
    """A confidence as a percentage, without needless digits."""
    return f"{100 * value:.4g}{_THIN}%"


def moment(time: str) -> str:
    """A time of RFC 3339 in UTC, to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC"


def short_digest(digest: str) -> str:
    """Enough of a digest to recognise it; the page gives all of it elsewhere."""
    return digest[:12]


def size_of(evidence: Evidence) -> str:
    """The rows behind a piece of evidence, named as what they are: "13 positive rows"."""
    return f"{count(evidence.rows)} {evidence.conditions.get('among', 'rows')}"
